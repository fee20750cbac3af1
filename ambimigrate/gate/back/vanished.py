"""WP801: what a migrated namespace has as its waypoint no longer is one, or no longer serves it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, holder, same, served
from ambimigrate.kinds import Namespace
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import waypoints
from ambimigrate.topology.waypoints import Binding

HBONE = (15008, "HBONE")  # the listener that ztunnel calls (see WP007)


def check(pair: Pair) -> Iterator[Found]:
    if pair.before is None:
        return
    for asking in _asking(pair.after, pair.migrated):
        was = same(pair.before, asking)
        had = _binding(pair.before, was) if was is not None else None
        has = _binding(pair.after, asking)
        if had and has and _fault(had) is None and (fault := _fault(has)):
            case, words = fault
            what = f"what is in namespace {asking.name}" if isinstance(asking.body, Namespace) else str(asking.ref)
            message = f"fails open: {words}, so traffic to {what} goes straight to the pods"
            yield Found(asking, ("metadata", "labels", waypoints.USE), message, case)


def _asking(mesh: Mesh, spaces: frozenset[str]) -> Iterator[Resource[Any]]:
    """What asks for a waypoint by a label of its own."""
    named = (each for space in sorted(spaces) if (each := holder(mesh, space)) is not None)
    for each in (*named, *served(mesh, spaces)):
        if waypoints.USE in each.body.metadata.labels:
            yield each


def _binding(mesh: Mesh, asking: Resource[Any]) -> Binding | None:
    return waypoints.namespace_binding(mesh, asking) if isinstance(asking.body, Namespace) else waypoints.binding(mesh, asking)


def _fault(binding: Binding) -> tuple[str, str] | None:
    """Which case and which words, if the binding does not work."""
    gateway, name = binding.gateway, f"{binding.namespace}/{binding.name}"
    if gateway is None:
        return "absent", f"waypoint {name} is not there any more"
    if not waypoints.is_waypoint(gateway.body):
        return "class", f"Gateway {name} is of class {gateway.body.spec.gateway_class_name}, no waypoint any more"
    if binding.fault:
        return ("refused" if "admit" in binding.fault else "traffic"), binding.fault
    if not any((each.port, each.protocol) == HBONE for each in gateway.body.spec.listeners):
        return "listener", f"waypoint {name} has no listener HBONE on 15008 any more"
    return None
