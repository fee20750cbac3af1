"""RT005: routes for several ports of one Service, of which older waypoints use one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import parents
from ambimigrate.kinds import HTTPRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("RT005", HTTPRoute)
def check(route: Resource[HTTPRoute], mesh: Mesh) -> Iterator[Hit]:
    said: set[reach.Named] = set()
    for place, ref, target in parents(mesh, route):
        others = _other_ports(mesh, target, ref.port)
        if others and reach.key(target) not in said and reach.is_read(mesh, route.namespace, target):
            said.add(reach.key(target))
            own = ref.port or "all ports"
            yield Hit(
                route.at(*place),
                f"routes of {target.name} for {own} and for {reach.listed(others)}: its waypoint uses the oldest list alone,"
                " the other ports get no rules",
            )


def _other_ports(mesh: Mesh, target: Resource[Any], port: int | None) -> tuple[str, ...]:
    """The other ports for which there are HTTPRoutes to the target; each is a list of its own."""
    found: dict[str, None] = {}
    for each in reach.mesh_routes(mesh, target):
        if not isinstance(each.body, HTTPRoute) or not reach.is_read(mesh, each.namespace, target):
            continue
        for ref in each.body.spec.parent_refs:
            if reach.parent(ref, each.namespace) == reach.key(target) and ref.port != port:
                found[str(ref.port or "all ports")] = None
    return tuple(found)
