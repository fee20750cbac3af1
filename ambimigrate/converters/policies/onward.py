"""Routes from one Service to another: behind the first one's waypoint nobody asks the second one's policies (A25)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.changes import Held
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused, held
from ambimigrate.kinds import GRPCRoute, HTTPRoute, RequestAuthentication, Service, VirtualService
from ambimigrate.kinds.routes import HTTPRule
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import hosts, policies, reach
from ambimigrate.topology.virtualservices import is_of_mesh

SPLIT = "AP901"


def holding(mesh: Mesh, namespace: str) -> Iterator[Held]:
    """The routes of Services of the namespace to Services that other policies judge."""
    for door, vs in mesh.index(_doors).get(namespace, ()):
        yield from _of_door(mesh, door, vs)
    for door, route in mesh.index(_routed).get(namespace, ()):
        yield from _of_route(mesh, door, route)


def _doors(mesh: Mesh) -> dict[str, tuple[tuple[Resource[Service], Resource[VirtualService]], ...]]:
    """The Services that a VirtualService routes, with it, by namespace."""
    own = [each for each in mesh.of(VirtualService) if is_of_mesh(each.body) and each.body.spec.http]
    named = ((vs, host) for vs in own for host in vs.body.spec.hosts)
    found = ((door, vs) for vs, host in named for door in hosts.services(mesh, host, vs.namespace, vs.file))
    return grouped((door.namespace, (door, vs)) for door, vs in found)


def _of_door(mesh: Mesh, door: Resource[Service], vs: Resource[VirtualService]) -> Iterator[Held]:
    for number, rule in enumerate(vs.body.spec.http):
        for target in _targets(mesh, vs, rule):
            if words := _otherwise(mesh, door, target):
                yield _held(mesh, door, vs, ("spec", "http", number), words)


def _otherwise(mesh: Mesh, door: Resource[Service], target: Resource[Service]) -> str:
    """In which way other policies mean the pods behind a Service to which requests for another one are led."""
    known = mesh.index(_judging)
    own, others = known.get(id(door), ()), known.get(id(target), ())
    missed = next((each for each in others if each not in own), None)
    more = next((each for each in own if each not in others), None)
    if target is door or not (missed or more):
        return ""
    words = f"past {missed.ref}: the waypoint asks policies of {door.name} only" if missed else _stricter(more)
    return f"it leads requests for {door.name} to {target.name}, {words}"


# --- routes of the Gateway API, which sidecars follow, too ------------------------------------------------------------


def _routed(mesh: Mesh) -> dict[str, tuple[tuple[Resource[Service], Resource[Any]], ...]]:
    """The Services that are parents of routes, with each route that is not of our making, by namespace."""
    found: list[tuple[Resource[Service], Resource[Any]]] = []
    routes: tuple[Resource[Any], ...] = (*mesh.of(HTTPRoute), *mesh.of(GRPCRoute))
    for route in routes:
        parents = (reach.parent(ref, route.namespace) for ref in route.body.spec.parent_refs)
        doors = (reach.find(mesh, named, route.file) for named in parents if named and not made.is_ours(route))
        found += ((door, route) for door in reach.once(each for each in doors if each) if isinstance(door.body, Service))
    return grouped((door.namespace, (door, route)) for door, route in found)


def _of_route(mesh: Mesh, door: Resource[Service], route: Resource[Any]) -> Iterator[Held]:
    own = mesh.index(_judging).get(id(door), ())
    for number, rule in enumerate(route.body.spec.rules):
        place = "spec", "rules", number
        for target in _backends(mesh, route, rule):
            if words := _otherwise(mesh, door, target):
                yield _held(mesh, door, route, place, words)
        if own and any(each.type in _CHANGING for each in rule.filters):
            words = f"it changes or answers requests for {door.name} before {own[0].ref} sees them; a waypoint asks that first"
            yield _held(mesh, door, route, place, words)


_CHANGING = frozenset({"URLRewrite", "RequestHeaderModifier", "RequestRedirect"})


def _backends(mesh: Mesh, route: Resource[Any], rule: Any) -> Iterator[Resource[Service]]:
    """The Services to which a rule sends or copies requests."""
    named = [each for each in rule.backend_refs if each.weight and each.kind == "Service"]
    mirrors = (each.request_mirror for each in rule.filters if each.request_mirror)
    named += [each.backend_ref for each in mirrors if each.backend_ref.kind == "Service"]
    found = (mesh.find(Service, each.namespace or route.namespace, each.name, route.file) for each in named)
    yield from reach.once(each for each in found if each is not None)


# --- what both come to --------------------------------------------------------------------------------------------------


def _judging(mesh: Mesh) -> Mapping[int, tuple[Resource[Any], ...]]:
    """The policies and the checks of tokens that mean pods behind a Service, by its identity."""
    found: list[tuple[int, Resource[Any]]] = [
        (key, each) for key, members in policies.by_service(mesh).items() for each in members
    ]
    checks = (each for each in mesh.of(RequestAuthentication) if each.body.spec.jwt_rules)
    found += [(id(service), each) for each in checks for service in policies.scope(mesh, each).services]
    return grouped(found)


def _stricter(more: Resource[Any] | None) -> str:
    return f"where {more.ref} does not hold today" if more else ""


def _held(mesh: Mesh, door: Resource[Service], by: Resource[Any], place: Route, reason: str) -> Held:
    port = next((each.port for each in door.body.spec.ports), 80)
    witness = f"a request to {door.name}:{port} that {place[1]}[{place[2]}] of {by.name} sends on"
    return held(mesh, by, SPLIT, Refused("door", place, reason, witness), door.namespace)


def _targets(mesh: Mesh, vs: Resource[VirtualService], rule: HTTPRule) -> Iterator[Resource[Service]]:
    named = [each.destination for each in rule.route] + [each.destination for each in rule.mirrors]
    named += [rule.mirror] if rule.mirror else []
    found = {each.host: hosts.service(mesh, each.host, vs.namespace, vs.file) for each in named}
    yield from (each for each in found.values() if each is not None)
