"""WP802: a Service of a migrated namespace lost its waypoint, and with it what only the waypoint carries out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, holder, same, served
from ambimigrate.gate.back.protection import judging, routed
from ambimigrate.kinds import Namespace, Service
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import policies, reach, waypoints

Lost = tuple[Resource[Any], tuple[Resource[Any], ...]]  # the Service and what holds for it no more
Place = tuple[str, str, str, str]  # kind and name of the object that has to change, and the case


def check(pair: Pair) -> Iterator[Found]:
    """One finding for each object whose label decides, for all the Services that it means."""
    if pair.before is None:
        return
    found: list[tuple[Place, tuple[Resource[Any], Route, Lost]]] = []
    for was in served(pair.before, pair.migrated):
        target = same(pair.after, was)
        if target is None or not waypoints.is_bound(pair.before, was) or not (case := _case(pair.after, target)):
            continue
        security, routes = judging(pair.before, was), routed(pair.before, was)
        if security or routes:
            resource, route = _place(pair, was, target)
            kind = "policies" if security else "routes"
            place = (resource.kind, resource.namespace, resource.name, f"{case}-{kind}")
            found.append((place, (resource, route, (target, security or routes))))
    for (*_, case), members in grouped(found).items():
        resource, route, _ = members[0]
        yield Found(resource, route, _message(case, [each[2] for each in members]), case)


def _case(mesh: Mesh, target: Resource[Any]) -> str | None:
    """Why no waypoint serves it by what it asks for itself; WP801 tells of waypoints that do not work."""
    if isinstance(target.body, Service) and not policies.can_be_bound(target):
        return "headless"
    if waypoints.binding(mesh, target) is not None:
        return None
    return "none" if _label(mesh, target) == "none" else "removed"


def _label(mesh: Mesh, target: Resource[Any]) -> str | None:
    own = target.body.metadata.labels.get(waypoints.USE)
    space = holder(mesh, target.namespace)
    return own or (space.body.metadata.labels.get(waypoints.USE) if space else None)


def _place(pair: Pair, was: Resource[Any], target: Resource[Any]) -> tuple[Resource[Any], Route]:
    """The object to change: the Service by its own label, else the Namespace that gave it the waypoint."""
    label: Route = ("metadata", "labels", waypoints.USE)
    if waypoints.USE in target.body.metadata.labels:
        return target, label
    space = holder(pair.after, target.namespace)
    had = waypoints.binding(pair.before, was) if pair.before else None
    if space is not None and had is not None and isinstance(had.label_on.body, Namespace):
        is_left = waypoints.USE in space.body.metadata.labels
        return (space, label if is_left else ("metadata", "name")) if not _is_headless(target) else (target, ("spec",))
    return target, ("spec",) if _is_headless(target) else ("metadata", "name")


def _is_headless(target: Resource[Any]) -> bool:
    return isinstance(target.body, Service) and not policies.can_be_bound(target)


def _message(case: str, lost: list[Lost]) -> str:
    names = reach.listed(each.name for each, _ in lost)
    others = policies.listed(str(each.ref) for _, some in lost for each in some)
    why = {
        "headless": "a headless Service has no waypoint",
        "none": f"{waypoints.USE} is none",
        "removed": f"the label {waypoints.USE} is gone",
    }[case.partition("-")[0]]
    if case.endswith("policies"):
        return f"fails open: {why}, so nothing carries out {others} for {names}"
    return f"{why}, so nothing routes {names} by {others}"
