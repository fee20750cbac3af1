"""Connections at a gateway's port: which chain the server name of TLS chooses, and where those without HTTP go.

Istio, pilot/pkg/networking/core/gateway.go `buildGatewayTCPBasedFilterChains`, `createGatewayTCPFilterChainOpts`,
`buildGatewayNetworkFiltersFromTLSRoutes` and `…FromTCPRoutes` (1.24 to master of August 2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import RouteDestination, TCPMatch, TLSMatch
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import sidecar_rules
from ambimigrate.semantics.decision import Client
from ambimigrate.semantics.delegates import gateway_name
from ambimigrate.semantics.destinations import Viewer, cluster
from ambimigrate.semantics.envoy import Cluster
from ambimigrate.semantics.gateways.attached import Attached, attached
from ambimigrate.semantics.gateways.bound import bound, full_hosts
from ambimigrate.semantics.gateways.names import chosen, of_namespace, without_namespace
from ambimigrate.semantics.gateways.servers import Server
from ambimigrate.semantics.gateways.virtualhosts import Listener
from ambimigrate.semantics.waypoint_route_actions import cluster_of
from ambimigrate.topology.hosts import meet

Shares = tuple[tuple[Cluster, int], ...]


class Chain(Struct, frozen=True, eq=False):
    """A chain of filters: for these server names (none: for every one), to an HTTP server, or straight to clusters."""

    names: tuple[str, ...]
    server: Server
    shares: Shares | None = None


def chains(mesh: Mesh, client: Client, servers: tuple[Server, ...]) -> tuple[Chain, ...]:
    """The chains of a port that carries TLS or plain TCP."""
    return mesh.index(_Chains(client, servers))


def pick(found: Iterable[Chain], sni: str) -> Chain | None:
    """The chain of the server name; None where none fits, and where two are the same: then Envoy takes none of them."""
    by_name: dict[str, Chain] = {}
    for chain in found:
        for name in {"*"} if not chain.names or "*" in chain.names else {each.lower() for each in chain.names}:
            if name in by_name:
                return None
            by_name[name] = chain
    best = chosen(by_name, sni.lower())
    return by_name[best] if best is not None else None


class _Chains(Struct, frozen=True):
    client: Client
    servers: tuple[Server, ...]

    def __call__(self, mesh: Mesh) -> tuple[Chain, ...]:
        taken: set[str] = set()
        return tuple(chain for server in self.servers for chain in _of_server(mesh, self.client, server, taken))


def _of_server(mesh: Mesh, client: Client, server: Server, taken: set[str]) -> Iterator[Chain]:
    names = tuple(sorted({without_namespace(each) for each in server.hosts})) if server.tls is not None else ()
    if server.ends_https:
        yield Chain(names, server)
    elif server.passes:
        for own, shares in _by_server_name(mesh, client, server):
            if not taken & set(own):
                taken |= set(own)
                yield Chain(own, server, shares)
    else:
        yield from (Chain(names, server, shares) for shares in islice(_without_http(mesh, client, server), 1))


def _by_server_name(mesh: Mesh, client: Client, server: Server) -> Iterator[tuple[tuple[str, ...], Shares]]:
    """Every match of the VirtualServices or TLSRoutes with a host of the server; the server's own hosts bound nothing else."""
    for place, vs in _bound(mesh, client, server):
        for rule in vs.body.spec.tls:
            matching = (each for each in rule.match if rule.route and _meets(place, each))
            yield from ((each.sni_hosts, _shares(place, rule.route)) for each in matching)
    for each in attached(mesh, server.gateway):
        if each.sni and _has(server, each.route.namespace, (each.host,)):
            yield each.sni, _backends(mesh, client, server, each)


def _without_http(mesh: Mesh, client: Client, server: Server) -> Iterator[Shares]:
    """The rules of `tcp` that match by port and Gateway; addresses and sources are not looked at."""
    for place, vs in _bound(mesh, client, server):
        for rule in vs.body.spec.tcp:
            if rule.route and any(_meets(place, each) for each in rule.match or (TCPMatch(),)):
                yield _shares(place, rule.route)
    for each in attached(mesh, server.gateway):
        if _has(server, each.route.namespace, (each.host,)):
            yield _backends(mesh, client, server, each)


def _bound(mesh: Mesh, client: Client, server: Server) -> Iterator[tuple[sidecar_rules.Place, Resource[VirtualService]]]:
    """The VirtualServices with a host of the server."""
    for vs in bound(mesh, client.namespace, server.gateway):
        if _has(server, vs.namespace, full_hosts(vs)):
            yield sidecar_rules.Place(mesh, client, server.number, vs.namespace, server.gateway), vs


def _has(server: Server, namespace: str, hosts: tuple[str, ...]) -> bool:
    """gateway.go `pickMatchingGatewayHosts`."""
    return any(meet(mine, theirs) for mine in of_namespace(server.hosts, namespace) for theirs in hosts)


def _meets(place: sidecar_rules.Place, match: TLSMatch | TCPMatch) -> bool:
    if match.port and match.port != place.port:
        return False
    return not match.gateways or place.gateway in {gateway_name(each, place.namespace) for each in match.gateways}


def _shares(place: sidecar_rules.Place, routes: tuple[RouteDestination, ...]) -> Shares:
    found = ((place.where(each.destination), each.weight or 0) for each in routes)
    return tuple((cluster(place.mesh, place.viewer, *where), weight) for where, weight in found)


def _backends(mesh: Mesh, client: Client, server: Server, found: Attached) -> Shares:
    route: Resource[object] = found.route
    listener = Listener(Viewer(client.namespace, client.labels), server.number, "", route.kind)
    refs = [each for rule in found.route.body.spec.rules[:1] for each in rule.backend_refs if each.weight]
    made = tuple((cluster_of(mesh, listener, route.namespace, each), each.weight) for each in refs)
    return made or ((Cluster("no backend", None), 1),)
