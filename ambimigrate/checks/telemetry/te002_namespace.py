"""TE002: Telemetry for a namespace or the mesh, which only waypoints follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.telemetry.words import settings
from ambimigrate.kinds import Service, Telemetry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, reach, waypoints


@rule("TE002", Telemetry)
def check(telemetry: Resource[Telemetry], mesh: Mesh) -> Iterator[Hit]:
    spec = telemetry.body.spec
    if spec.target_refs or spec.target_ref or (spec.selector and spec.selector.match_labels):
        return
    words, place = settings(telemetry.body), telemetry.at("metadata", "name")
    if telemetry.namespace == meshconfig.root_namespace(mesh):
        if reach.has_members(mesh):
            yield Hit(place, f"{words} settings of the mesh hold for waypoints and gateways, not for ztunnel", case="mesh")
        return
    if not injection.is_meshed(mesh, telemetry.namespace):
        return
    far = _far(mesh, telemetry.namespace)
    if far:
        message = f"the waypoint of {reach.listed(far)} is in another namespace: it skips these {words} settings"
        yield Hit(place, message, case="far")
    if not _own_waypoint(mesh, telemetry.namespace):
        where = telemetry.namespace or "its namespace"
        message = f"{words} settings of {where} hold for waypoints only: ztunnel does not read them"
        yield Hit(place, message, case="namespace")


def _services(mesh: Mesh, namespace: str) -> list[Resource[Any]]:
    return [each for each in mesh.within(Service, namespace) if waypoints.is_bound(mesh, each)]


def _far(mesh: Mesh, namespace: str) -> list[str]:
    """The Services that a waypoint of another namespace serves."""
    return [each.name for each in _services(mesh, namespace) if reach.waypoint_namespace(mesh, each) != namespace]


def _own_waypoint(mesh: Mesh, namespace: str) -> bool:
    """Whether any waypoint carries the settings out: one in the namespace or one that serves it."""
    return bool(_services(mesh, namespace)) or any(each.namespace == namespace for each in waypoints.waypoints(mesh))
