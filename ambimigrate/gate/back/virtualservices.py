"""VS801: a VirtualService of the mesh for a Service of a migrated namespace, which only sidecars would follow in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, State, gained, name, same
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, policies, reach, waypoints
from ambimigrate.topology.virtualservices import destinations, features, is_of_mesh


def check(pair: Pair) -> Iterator[Found]:
    """Those that the change touches; one that a waypoint serves as it is only where there was none, which needs a base."""
    for found in gained(pair, _states):
        was = same(pair.before, found.resource) if pair.before is not None else None
        is_touched = was is None or was.body.spec != found.resource.body.spec
        if is_touched and (found.case != "kept" or pair.before is not None):
            yield found


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for vs in mesh.of(VirtualService):
        found: dict[str, list[Resource[Any]]] = {}
        for target in reach.subjects(mesh, vs) if is_of_mesh(vs.body) else ():
            if target.namespace in spaces and _acts(vs, target):
                found.setdefault(_case(mesh, vs, target), []).append(target)
        for case, targets in found.items():
            said = _found(vs, case, targets)
            yield from (((name(each), case), said) for each in targets)


def _acts(vs: Resource[VirtualService], target: Resource[Any]) -> bool:
    """Whether it does more than send requests where they go anyway."""
    own = reach.hostnames(target)
    sent = (hosts.full_name(each.host, vs.namespace) for each in destinations(vs.body))
    delegates = any(rule.delegate for rule in vs.body.spec.http)
    return bool(features(vs.body)) or delegates or any(each not in own for each in sent)


def _case(mesh: Mesh, vs: Resource[VirtualService], target: Resource[Any]) -> str:
    if isinstance(target.body, Service) and not policies.can_be_bound(target):
        return "unbound"
    if not waypoints.is_bound(mesh, target):
        return "unbound"
    if not reach.is_read(mesh, vs.namespace, target):
        return "consumer"
    return "beside" if reach.mesh_routes(mesh, target) else "kept"


def _found(vs: Resource[VirtualService], case: str, targets: list[Resource[Any]]) -> Found:
    names = reach.listed(each.name for each in targets)
    lost = ", ".join(features(vs.body)) or "its routes"
    said = {
        "unbound": f"no waypoint serves {names}, so ambient callers lose {lost}",
        "consumer": f"the waypoint of {names} reads no VirtualServices of namespace {vs.namespace}, so callers lose {lost}",
        "beside": f"{names} is routed by routes of the Gateway API already; a waypoint joins both or follows one of them",
        "kept": f"{names} was routed without VirtualServices of the mesh; at waypoints they are alpha, and not all holds",
    }
    return Found(vs, ("spec", "hosts"), said[case], case)
