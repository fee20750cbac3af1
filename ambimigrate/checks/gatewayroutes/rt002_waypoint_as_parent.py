"""RT002: a route whose parent is the Gateway of a waypoint, which programs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway, GRPCRoute, HTTPRoute, TCPRoute, TLSRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import waypoints


@rule("RT002", HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for number, ref in enumerate(route.body.spec.parent_refs):
        if ref.kind != "Gateway":
            continue
        gateway = mesh.find(Gateway, ref.namespace or route.namespace, ref.name, route.file)
        if gateway is not None and waypoints.is_waypoint(gateway.body):
            yield Hit(
                route.at("spec", "parentRefs", number),
                f"the parent {gateway.name} is a waypoint: the route programs nothing, its parent must be a Service",
            )
