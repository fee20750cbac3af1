"""DR019: a port without a protocol on a Service that needs HTTP at a waypoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attached, hosts, ingress, reach, waypoints

HTTP = {"http", "http2", "grpc", "grpc_web", "grpcweb", "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"}
OTHER = {"https", "tls", "tcp", "udp", "mongo", "mysql", "redis", "hbone", "sctp"}


@rule("DR019", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    body = service.body.spec
    if body.type == "ExternalName" or hosts.is_headless(service) or not reach.is_called(mesh, service):
        return
    if ingress.is_gateway(mesh, service):
        return
    why = _why(mesh, service)
    for number, port in enumerate(body.ports) if why else ():
        if port.protocol == "TCP" and protocol(port) not in HTTP | OTHER:
            yield Hit(
                service.at("spec", "ports", number),
                f"port {port.name or port.port} declares no protocol: the waypoint that {service.name} needs for {why} guesses"
                " it; server-first protocols stall",
            )


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
