"""RT001: a route inside the mesh whose Service has no working waypoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import is_servable, parents
from ambimigrate.kinds import GRPCRoute, HTTPRoute, TCPRoute, TLSRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach, waypoints


@rule("RT001", HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for place, _, target in parents(mesh, route):
        read = is_servable(target) and reach.is_read(mesh, route.namespace, target)
        if read and not waypoints.is_bound(mesh, target):
            yield Hit(
                route.at(*place),
                f"no waypoint serves {target.name}, so ztunnel ignores this {route.kind}: requests go to {target.name} itself",
                services=reach.needed((target,)),
            )
