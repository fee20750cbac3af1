"""What a waypoint does with a request to a Service that it serves, by HTTPRoutes, GRPCRoutes and VirtualServices."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.model import Mesh
from ambimigrate.semantics import direct, paths, proxy, retry, waypoint_connections, waypoint_routes, waypoint_virtualservices
from ambimigrate.semantics.chain import Chain, chain_of, merges_lists
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Decision, Request, Retries
from ambimigrate.semantics.destinations import cluster, hash_policy
from ambimigrate.semantics.envoy import Forward, Match, Route, Target
from ambimigrate.semantics.strings import Prefix
from ambimigrate.versions import Version, at_least

_WITHOUT_DEFAULT = Retries(2, frozenset({"reset-before-request"}), other_hosts=False)


def decide(mesh: Mesh, request: Request, release: Version | None = None) -> Decision:
    """The decision for the Service that is dialled, whatever the Host header says; without a working waypoint, none is made.

    `release`: of the proxy, where that is not the control plane's.
    """
    chain = chain_of(mesh, request.to, request.port)
    if chain is None:
        return direct.carry(waypoint_connections.decide(mesh, Connection(request.to, request.port)), request)
    normal = replace(request, path=paths.normalized(mesh, request.path))
    return proxy.decide(routes(mesh, chain), normal, release or mesh.target.istio)


def routes(mesh: Mesh, chain: Chain) -> tuple[Route, ...]:
    """The route table of a chain, made once."""
    return mesh.index(_Table(chain))


class _Table(Struct, frozen=True):
    chain: Chain

    def __call__(self, mesh: Mesh) -> tuple[Route, ...]:
        """All lists one after the other, each up to its own catch-all; nothing in them: the default route."""
        lists = _lists(mesh, self.chain)
        counting = lists if merges_lists(mesh.target.istio) else lists[:1]
        return tuple(route for each in counting for route in each) or (_default(mesh, self.chain),)


def _lists(mesh: Mesh, chain: Chain) -> list[tuple[Route, ...]]:
    """The lists in the order of the waypoint's namespace: what is private to it, what is exported to it, what is public.

    HTTPRoutes make public ones. Those of the waypoint's own namespace come before VirtualServices, and where only the first
    list counts all of them do; the rest goes by age.
    """
    first_only = not merges_lists(mesh.target.istio)
    found: list[tuple[tuple[Any, ...], tuple[Route, ...]]] = [
        ((2, not first_only and each.namespace != chain.waypoint, *each.order), each.routes)
        for each in waypoint_routes.lists(mesh, chain)
    ]
    for seen in waypoint_virtualservices.candidates(mesh, chain):
        found.append((seen.order, waypoint_virtualservices.compiled(mesh, chain, seen.resource)))
    return [routes for _, routes in sorted(found, key=lambda pair: pair[0])]


def _default(mesh: Mesh, chain: Chain) -> Route:
    """To the Service itself; with the retries of the mesh from 1.30.3 on, hashed from 1.31 on."""
    version = mesh.target.istio
    hashed = hash_policy(mesh, chain.viewer, chain.host, chain.port, "") if at_least(version, "1.31.0") else ()
    retries = retry.mesh_default(mesh) if at_least(version, "1.30.3") else _WITHOUT_DEFAULT
    target = Target(cluster(mesh, chain.viewer, chain.host, chain.port, ""))
    return Route(Match(Prefix("/")), Forward((target,), retries=retries, hash=hashed))
