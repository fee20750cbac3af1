"""What a waypoint does with a request to a Service that it serves, by HTTPRoutes, GRPCRoutes and VirtualServices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ambimigrate.model import Mesh
from ambimigrate.semantics import paths, proxy, registry, retry, waypoint_routes, waypoint_virtualservices
from ambimigrate.semantics.decision import Decision, Outcome, Received, Request, Retries
from ambimigrate.semantics.destinations import cluster, hash_policy
from ambimigrate.semantics.envoy import Forward, Match, Route, Target
from ambimigrate.semantics.strings import Prefix
from ambimigrate.semantics.waypoint_virtualservices import Chain
from ambimigrate.topology import waypoints
from ambimigrate.versions import at_least

_WITHOUT_DEFAULT = Retries(2, frozenset({"reset-before-request"}), other_hosts=False)


def decide(mesh: Mesh, request: Request) -> Decision:
    """The decision for the Service that is dialled, whatever the Host header says; without a working waypoint, none is made."""
    chain = chain_of(mesh, request.to, request.port)
    if chain is None:
        return _direct(mesh, request)
    return proxy.decide(routes(mesh, chain), replace(request, path=paths.normalized(mesh, request.path)))


def chain_of(mesh: Mesh, address: str, port: int) -> Chain | None:
    """The part of a waypoint that serves the port of a Service, None if none does."""
    entry = registry.by_address(mesh, address)
    if entry is None or port not in entry.ports or not entry.addresses and registry.is_headless(entry):
        return None
    found = waypoints.binding(mesh, entry.owner)
    if found is None or found.fault is not None:
        return None
    return Chain(found.namespace, entry.namespace, entry.host, port)


def routes(mesh: Mesh, chain: Chain) -> tuple[Route, ...]:
    """The route table of a chain, made once."""
    return mesh.index(_Table(chain))


@dataclass(frozen=True, slots=True)
class _Table:
    chain: Chain

    def __call__(self, mesh: Mesh) -> tuple[Route, ...]:
        """All lists one after the other, each up to its own catch-all; nothing in them: the default route.

        Up to 1.28.5 and 1.29.1 only the first list counts.
        """
        lists = tuple(_lists(mesh, self.chain))
        if not at_least(mesh.target.istio, "1.28.6", "1.29.2", "1.30.0"):
            lists = lists[:1]
        made = tuple(route for each in lists for route in each)
        return made or (_default(mesh, self.chain),)


def _lists(mesh: Mesh, chain: Chain) -> Iterator[tuple[Route, ...]]:
    """The lists in the order of the waypoint's namespace: what is private to it, what is exported to it, what is public.

    Among the public ones those of HTTPRoutes in that namespace are first; the others follow by age. Where only the first list
    counts, HTTPRoutes come before every VirtualService.
    """
    written = waypoint_virtualservices.candidates(mesh, chain)
    made = waypoint_routes.lists(mesh, chain)
    is_merged = at_least(mesh.target.istio, "1.28.6", "1.29.2", "1.30.0")
    order = [((2, not is_merged or each.namespace == chain.waypoint, each.age), each.routes) for each in made]
    del order
    yield from (waypoint_virtualservices.compiled(mesh, chain, each) for _, each in written)


def _default(mesh: Mesh, chain: Chain) -> Route:
    """To the Service itself; with the retries of the mesh from 1.30.3 on, hashed from 1.31 on."""
    version = mesh.target.istio
    hashed = hash_policy(mesh, chain.viewer, chain.host, chain.port, "") if at_least(version, "1.31.0") else ()
    retries = retry.mesh_default(mesh) if at_least(version, "1.30.3") else _WITHOUT_DEFAULT
    target = Target(cluster(mesh, chain.viewer, chain.host, chain.port, ""))
    return Route(Match(Prefix("/")), Forward((target,), retries=retries, hash=hashed))


def _direct(mesh: Mesh, request: Request) -> Decision:
    """Nothing looks at the request; it goes to the pods as it is."""
    asked = proxy.message(request)
    entry = registry.by_address(mesh, request.to)
    known = entry is not None and request.port in entry.ports
    backends = registry.endpoints(mesh, entry, request.port, {}) if entry and known else (f"{request.to}:{request.port}",)
    received = Received(request.method, request.path, request.host, tuple(sorted(asked.headers, key=lambda each: each[0])))
    response = tuple(sorted((name.lower(), value) for name, value in request.reply))
    return Decision(((100.0, Outcome(200, backends, received, response=response)),))
