"""What a waypoint does with a connection that carries no HTTP (listener_waypoint.go `getWaypointTCPRoutes`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import TCPRoute, TLSRoute, VirtualService
from ambimigrate.kinds.routes import Destination, RouteDestination, TCPMatch, TLSMatch
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import direct, waypoint_route_actions, waypoint_routes, waypoint_virtualservices
from ambimigrate.semantics.chain import Chain, chain_of_connection
from ambimigrate.semantics.connections import Connection, shared
from ambimigrate.semantics.decision import Decision
from ambimigrate.semantics.destinations import cluster
from ambimigrate.semantics.envoy import Cluster
from ambimigrate.topology import flags, hosts
from ambimigrate.versions import at_least

_ALPHA = "PILOT_ENABLE_ALPHA_GATEWAY_API"
Shares = list[tuple[Cluster, int]]


def decide(mesh: Mesh, connection: Connection) -> Decision:
    """Routes of TLS before those of TCP, the Service itself without any; server name and addresses are not looked at."""
    chain = chain_of_connection(mesh, connection.to, connection.port)
    if chain is None:
        return direct.connect(mesh, connection)
    found = next(_routed(mesh, chain), None) if at_least(mesh.target.istio, "1.26.0") else None
    return shared(found or [(cluster(mesh, chain.viewer, chain.host, chain.port, ""), 1)])


def _routed(mesh: Mesh, chain: Chain) -> Iterator[Shares]:
    """TLSRoutes count from 1.30 on, TCPRoutes from 1.31 on (before, only with PILOT_ENABLE_ALPHA_GATEWAY_API)."""
    seen = [each.resource for each in waypoint_virtualservices.candidates(mesh, chain)]
    if reads(mesh, "1.30.0"):
        bound = waypoint_routes.bound(mesh, chain, mesh.of(TLSRoute))
        yield from (_backends(mesh, chain, each) for each in bound if each.body.spec.hostnames == (chain.host,))
    for each in seen:
        yield from _by_tls(mesh, chain, each)
    if reads(mesh, "1.31.0"):
        yield from (_backends(mesh, chain, each) for each in waypoint_routes.bound(mesh, chain, mesh.of(TCPRoute)))
    for each in seen:
        yield from _by_tcp(mesh, chain, each)


def reads(mesh: Mesh, since: str) -> bool:
    """Whether istiod reads the kind: from this version on, before only with its switch for alpha kinds."""
    return at_least(mesh.target.istio, since) or flags.pilot_env(mesh, _ALPHA) is True


def _by_tls(mesh: Mesh, chain: Chain, resource: Resource[VirtualService]) -> Iterator[Shares]:
    """Only rules for exactly the name of the Service."""
    for rule in resource.body.spec.tls:
        if any(each.sni_hosts == (chain.host,) and _is_kept(chain, each) for each in rule.match):
            yield _destinations(mesh, chain, resource.namespace, rule.route)


def _by_tcp(mesh: Mesh, chain: Chain, resource: Resource[VirtualService]) -> Iterator[Shares]:
    for rule in resource.body.spec.tcp:
        if any(_is_kept(chain, each) for each in rule.match or (TCPMatch(),)):
            yield _destinations(mesh, chain, resource.namespace, rule.route)


def _is_kept(chain: Chain, match: TLSMatch | TCPMatch) -> bool:
    """What asks for a source is skipped; what asks for an address matches everything."""
    return match.port in {None, 0, chain.port} and not match.source_labels and not match.source_namespace


def _destinations(mesh: Mesh, chain: Chain, namespace: str, written: tuple[RouteDestination, ...]) -> Shares:
    return [(_cluster(mesh, chain, namespace, each.destination), each.weight or 0) for each in written]


def _cluster(mesh: Mesh, chain: Chain, namespace: str, destination: Destination) -> Cluster:
    host = hosts.full_name(destination.host, namespace)
    port = destination.port.number if destination.port else chain.port
    return cluster(mesh, chain.viewer, host, port, destination.subset or "")


def _backends(mesh: Mesh, chain: Chain, resource: Resource[Any]) -> Shares:
    """Such a route has exactly one rule."""
    refs = [each for rule in resource.body.spec.rules for each in rule.backend_refs if each.weight]
    return [(waypoint_route_actions.cluster_of(mesh, chain, resource.namespace, each), each.weight) for each in refs]
