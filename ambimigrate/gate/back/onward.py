"""AP805: a new route leads requests for one Service to another one of a migrated namespace, past the policies of that one.

The waypoint of the first goes straight to the pods of the second (see topology/onward.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, State, gained, name
from ambimigrate.gate.back.protection import at_waypoint, parts
from ambimigrate.kinds import GRPCRoute, HTTPRoute, VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import policies, reach, waypoints
from ambimigrate.topology.virtualservices import destinations, is_of_mesh

Way = tuple[Resource[Any], Resource[Any], Resource[Any]]  # by what, from where, to where


def check(pair: Pair) -> Iterator[Found]:
    for found in gained(pair, _states):
        if found.message:
            yield found


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    """Every way into or out of these namespaces, so that only new ones count; with a message if something is skipped."""
    for by, origin, to in _ways(mesh):
        if name(origin) != name(to) and (origin.namespace in spaces or to.namespace in spaces):
            yield (name(origin), name(to)), Found(by, ("spec",), _message(mesh, origin, to))


def _message(mesh: Mesh, origin: Resource[Any], to: Resource[Any]) -> str:
    if not waypoints.is_bound(mesh, origin):
        return ""
    judged = parts(at_waypoint(mesh, origin))
    skipped = [each for each in at_waypoint(mesh, to) if not parts((each,)) <= judged]
    if not skipped:
        return ""
    names = policies.listed(str(each.ref) for each in skipped)
    return f"fails open: requests for {origin.name} that it sends to {to.name} get past {names}"


def _ways(mesh: Mesh) -> Iterator[Way]:
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body):
            hosts = {each.host: each for each in destinations(vs.body)}
            found = [to for host in hosts for to in reach.targets(mesh, host, vs.namespace, vs.file)]
            yield from _pairs(vs, reach.subjects(mesh, vs), found)
    routes: tuple[Resource[Any], ...] = (*mesh.of(HTTPRoute), *mesh.of(GRPCRoute))
    for route in routes:
        named = (reach.parent(ref, route.namespace) for ref in route.body.spec.parent_refs)
        origins = [each for one in named if one and (each := reach.find(mesh, one, route.file))]
        yield from _pairs(route, origins, list(_backends(mesh, route)))


def _pairs(by: Resource[Any], origins: Iterable[Resource[Any]], to: list[Resource[Any]]) -> Iterator[Way]:
    return ((by, origin, each) for origin in origins for each in reach.once(to))


def _backends(mesh: Mesh, route: Resource[Any]) -> Iterator[Resource[Any]]:
    """Where a route sends requests, mirrors included."""
    for rule in route.body.spec.rules:
        mirrors = (each.request_mirror.backend_ref for each in rule.filters if each.request_mirror)
        for ref in (*rule.backend_refs, *mirrors):
            found = reach.find(mesh, ("Service", ref.namespace or route.namespace, ref.name), route.file)
            if ref.kind == "Service" and found is not None:
                yield found
