"""DR019: a port without a protocol on a Service that needs HTTP at a waypoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import GRPCRoute, HTTPRoute, Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attached, hosts, ingress, policies, reach, waypoints

HTTP = {"http", "http2", "grpc", "grpc_web", "grpcweb", "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"}
_PLAIN = {"tcp", "mongo", "mysql", "redis"}
OTHER = {"https", "tls", "tcp", "udp", "mongo", "mysql", "redis", "hbone", "sctp"}


@rule("DR019", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    body = service.body.spec
    if body.type == "ExternalName" or hosts.is_headless(service) or not reach.is_called(mesh, service):
        return
    if ingress.is_gateway(mesh, service):
        return
    yield from _declared_otherwise(mesh, service)
    why = _why(mesh, service)
    for number, port in enumerate(body.ports) if why else ():
        if port.protocol == "TCP" and protocol(port) not in HTTP | OTHER:
            yield Hit(
                service.at("spec", "ports", number),
                f"port {port.name or port.port} declares no protocol: the waypoint that {service.name} needs for {why} guesses"
                " it; server-first protocols stall",
            )


def _declared_otherwise(mesh: Mesh, service: Resource[Service]) -> Iterator[Hit]:
    """Rules for HTTP about a Service none of whose ports is declared to speak it."""
    ports = [(number, each) for number, each in enumerate(service.body.spec.ports) if each.protocol == "TCP"]
    if not ports or any(protocol(each) not in _PLAIN for _, each in ports):
        return
    found = reach.listed((str(each.ref) for each in _http_rules(mesh, service)), 1)
    if found:
        number, port = ports[0]
        message = (
            f"port {port.name or port.port} is declared {protocol(port)}: a waypoint does no HTTP on it, so of {found} only "
            "what needs no HTTP is carried out, as with sidecars"
        )
        yield Hit(service.at("spec", "ports", number), message, "other")


def _http_rules(mesh: Mesh, service: Resource[Service]) -> Iterator[Resource[Any]]:
    yield from (each for each in reach.mesh_virtual_services(mesh, service) if each.body.spec.http)
    yield from (each for each in reach.mesh_routes(mesh, service) if isinstance(each.body, HTTPRoute | GRPCRoute))
    chosen = (each for each in attached.l7_selecting(mesh, service) if policies.selector(each))
    targeted = (each for each in attached.policies(mesh, service) if attached.is_l7(each) and _names(each, service))
    yield from (*chosen, *targeted)


def _names(policy: Resource[Any], service: Resource[Service]) -> bool:
    return any(ref.kind == "Service" and ref.name == service.name for _, ref in policies.targets(policy))


def protocol(port: ServicePort) -> str:
    """The protocol that a port declares: by appProtocol, else by the first word of its name."""
    return (port.app_protocol or port.name.partition("-")[0]).lower()


def _why(mesh: Mesh, service: Resource[Service]) -> str:
    """What the Service needs a waypoint for, or "" if nothing shows."""
    if waypoints.is_bound(mesh, service):
        return "its label"
    found = (
        *reach.mesh_virtual_services(mesh, service),
        *reach.mesh_routes(mesh, service),
        *attached.l7_selecting(mesh, service),
    )
    return reach.listed((str(each.ref) for each in found), 1)
