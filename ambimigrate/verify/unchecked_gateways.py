"""What of gateways is not compared, object by object with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Gateway, IstioGateway, VirtualService
from ambimigrate.kinds.networking import Server
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.delegates import gateway_name
from ambimigrate.semantics.gateways.pods import is_ours, pods
from ambimigrate.topology import gatewaypods, waypoints
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.topology.workloads import matches

_CLAIMS = "@request.auth.claims"
_PARAMETERS = (
    "min_protocol_version",
    "max_protocol_version",
    "cipher_suites",
    "subject_alt_names",
    "verify_certificate_spki",
    "verify_certificate_hash",
    "ca_certificates",
    "ca_crl",
    "ca_cert_credential_name",
)


def reasons(mesh: Mesh) -> Iterator[tuple[Resource[Any], str]]:
    """Everything that plays a part at gateways and that the evaluators leave out."""
    for gateway in mesh.of(IstioGateway):
        yield from ((gateway, text) for server in gateway.body.spec.servers for text in _of_server(server))
    yield from _selectors(mesh)
    for other in mesh.of(Gateway):
        if not waypoints.is_waypoint(other.body) and not is_ours(mesh, other):
            yield other, f"its class {other.body.spec.gateway_class_name} is not Istio's, so what it does is not compared"
    for vs in mesh.of(VirtualService):
        yield from ((vs, text) for text in _of_virtual_service(mesh, vs))


def _of_server(server: Server) -> Iterator[str]:
    number = server.port.number if server.port else 0
    if server.bind:
        yield f"its server on {server.bind}:{number} is not compared, since it listens on one address"
    if server.tls is None:
        return
    if server.tls.mode == "AUTO_PASSTHROUGH":
        yield f"connections through its AUTO_PASSTHROUGH server on port {number} are not compared"
    if any(getattr(server.tls, name) not in {"", "TLS_AUTO", ()} for name in _PARAMETERS):
        yield f"versions, ciphers and client certificates of TLS on port {number} are not compared"


def _selectors(mesh: Mesh) -> Iterator[tuple[Resource[Any], str]]:
    """Gateways whose pods are not in the input, so that ports and namespace are taken from Services or assumed."""
    known = [dict(each.labels) for each in pods(mesh) if each.is_seen]
    lost = [each for each in gatewaypods.selectors(mesh) if not any(matches(each, labels) for labels in known)]
    for gateway in mesh.of(IstioGateway):
        if gateway.body.spec.selector in lost:
            found = next(each for each in pods(mesh) if matches(gateway.body.spec.selector, dict(each.labels)))
            text = f"its pods are not in the input; they are taken to be in namespace {found.namespace}"
            yield gateway, text if found.ports else f"{text} and to be dialled on the ports of its servers"


def _of_virtual_service(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[str]:
    spec = vs.body.spec
    for name in (gateway_name(each, vs.namespace) for each in spec.gateways if each != MESH):
        place, _, own = name.partition("/")
        if mesh.find(IstioGateway, place, own, vs.file) is None:
            yield f"Gateway {name.removeprefix('/')} is not in the input, so what it does with its rules is not compared"
    matching = (each for rule in spec.http for each in rule.match)
    if any(header.startswith(_CLAIMS) for each in matching for header in (*each.headers, *each.without_headers)):
        yield "routing by the claims of tokens is not compared"
