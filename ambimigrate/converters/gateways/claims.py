"""What Gateways of the same pods have in common: where two claim one host of a port, their age decides, which no file shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ambimigrate.changes import FROM
from ambimigrate.converters.gateways.binding import of, server_hosts, shared_hosts
from ambimigrate.converters.gateways.front import Front
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import Gateway, Ingress, IstioGateway
from ambimigrate.kinds.networking import Server
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import hosts, ingress
from ambimigrate.topology.workloads import matches

Claim = tuple[int, str, str]  # port, whether plain HTTP, TLS or TCP, and host
Gateways = tuple[Resource[IstioGateway], ...]


class _Claims(Struct, frozen=True):
    """The claims of all Gateways, each with the number of its server: who claims what, and who has which port for what."""

    of: Mapping[int, tuple[tuple[Claim, int], ...]]
    by_claim: Mapping[Claim, Gateways]
    by_port: Mapping[int, Mapping[str, Gateways]]


def check(mesh: Mesh, gateway: Resource[IstioGateway], front: Front) -> None:
    """Raises Refused where another Gateway of the pods claims the same."""
    known = mesh.index(_known)
    for number, server in enumerate(gateway.body.spec.servers):
        kinds = known.by_port[_port(server)]
        if other := _shares((each for kind in kinds if kind != _kind(server) for each in kinds[kind]), gateway, front):
            reason = f"Gateway {other.namespace}/{other.name} has port {_port(server)} of the same pods with another protocol"
            raise Refused("shared", ("spec", "servers", number), reason)
    for claim, number in known.of[id(gateway)]:
        if other := _shares(known.by_claim[claim], gateway, front):
            where = f"{claim[2]}:{claim[0]}"
            reason = f"Gateway {other.namespace}/{other.name} of the same pods also has {where}; the older one wins"
            raise Refused("shared", ("spec", "servers", number), reason)
    _check_kinds(mesh, front)


def _known(mesh: Mesh) -> _Claims:
    every = tuple((each, tuple(_claims(mesh, each))) for each in mesh.of(IstioGateway))
    claimed = grouped((claim, gateway) for gateway, claims in every for claim, _ in claims)
    servers = grouped((_port(server), (_kind(server), gateway)) for gateway, _ in every for server in gateway.body.spec.servers)
    ports = {port: grouped(found) for port, found in servers.items()}
    return _Claims({id(gateway): claims for gateway, claims in every}, claimed, ports)


def _shares(
    rivals: Iterable[Resource[IstioGateway]], gateway: Resource[IstioGateway], front: Front
) -> Resource[IstioGateway] | None:
    """Another Gateway among them that is for the same pods."""
    others = (each for each in rivals if each is not gateway)
    return next((each for each in others if any(matches(each.body.spec.selector, pod.labels) for pod in front.pods)), None)


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
    services = of(mesh, gateway).services
    for number, server in enumerate(gateway.body.spec.servers):
        port, kind = _port(server), _kind(server)
        names = {host.lower() for _, host in server_hosts(server, gateway)}
        if kind == "tcp":
            names = {"*"}
        elif kind == "http":
            redirected = names if server.tls and server.tls.https_redirect else set()
            names = redirected | {host for vs in services for host in shared_hosts(server, gateway, vs)}
        yield from (((port, kind, host), number) for host in sorted(names))


def _port(server: Server) -> int:
    return server.port.number if server.port else 0


def _kind(server: Server) -> str:
    protocol = (server.port.protocol if server.port else "").upper()
    if server.tls and not server.tls.https_redirect:
        return "tls"
    return "http" if protocol.startswith(("HTTP", "GRPC")) else "tcp"
