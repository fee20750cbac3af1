"""What Gateways of the same pods have in common: where two claim one host of a port, their age decides, which no file shows."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import FROM
from ambimigrate.converters.gateways.binding import groups, server_hosts, shared_hosts
from ambimigrate.converters.gateways.front import Front
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import Gateway, Ingress, IstioGateway
from ambimigrate.kinds.networking import Server
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, ingress
from ambimigrate.topology.workloads import matches

Claim = tuple[int, str, str]  # port, whether plain HTTP, TLS or TCP, and host


def check(mesh: Mesh, gateway: Resource[IstioGateway], front: Front) -> None:
    """Raises Refused where another Gateway of the pods claims the same."""
    own = dict(_claims(mesh, gateway))
    for other in _others(mesh, gateway, front):
        for (port, kind, host), _ in _claims(mesh, other):
            if any(each[0] == port and each[1] != kind for each in own):
                reason = f"Gateway {other.namespace}/{other.name} has the port {port} of the same pods with another protocol"
                raise Refused("shared", ("spec", "servers"), reason)
            if (number := own.get((port, kind, host))) is not None:
                reason = f"Gateway {other.namespace}/{other.name} of the same pods also has {host}:{port}; the older one wins"
                raise Refused("shared", ("spec", "servers", number), reason)
    _check_kinds(mesh, front)


def _others(mesh: Mesh, gateway: Resource[IstioGateway], front: Front) -> Iterator[Resource[IstioGateway]]:
    """The other Istio Gateways of the pods."""
    every = (each for each in mesh.of(IstioGateway) if each is not gateway)
    yield from (each for each in every if any(matches(each.body.spec.selector, pod.labels) for pod in front.pods))


def _check_kinds(mesh: Mesh, front: Front) -> None:
    """Raises Refused where objects of other kinds configure the pods."""
    address = hosts.host_of(front.service)
    for each in mesh.of(Gateway):
        if any(one.value in {address, front.service.name} for one in each.body.spec.addresses) and not _is_made(each):
            raise Refused("shared", (), f"Gateway {each.namespace}/{each.name} of the Gateway API has the same pods")
    for ing in mesh.of(Ingress):
        if "istio" in {ing.body.spec.ingress_class_name, ing.body.metadata.annotations.get(ingress.CLASS)}:
            raise Refused("shared", (), f"Ingress {ing.namespace}/{ing.name} is for gateways of Istio, too")


def _is_made(gateway: Resource[Gateway]) -> bool:
    """Whether we made it of an Istio Gateway."""
    return gateway.body.metadata.annotations.get(FROM, "").startswith("Gateway/")


def _claims(mesh: Mesh, gateway: Resource[IstioGateway]) -> Iterator[tuple[Claim, int]]:
    """The claims of a Gateway, each with the number of its server."""
    services = next((each.services for each in groups(mesh) if gateway in each.gateways), ())
    for number, server in enumerate(gateway.body.spec.servers):
        port, kind = (server.port.number if server.port else 0), _kind(server)
        names = {host.lower() for _, host in server_hosts(server, gateway)}
        if kind == "tcp":
            names = {"*"}
        elif kind == "http":
            redirected = names if server.tls and server.tls.https_redirect else set()
            names = redirected | {host for vs in services for host in shared_hosts(server, gateway, vs)}
        yield from (((port, kind, host), number) for host in sorted(names))


def _kind(server: Server) -> str:
    protocol = (server.port.protocol if server.port else "").upper()
    if server.tls and not server.tls.https_redirect:
        return "tls"
    return "http" if protocol.startswith(("HTTP", "GRPC")) else "tcp"
