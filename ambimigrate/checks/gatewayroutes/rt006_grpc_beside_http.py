"""RT006: a GRPCRoute beside an HTTPRoute, which some releases ignore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import parents
from ambimigrate.kinds import GRPCRoute, HTTPRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("RT006", GRPCRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for place, _, target in parents(mesh, route):
        beside = [each for each in reach.mesh_routes(mesh, target) if isinstance(each.body, HTTPRoute)]
        if beside:
            yield Hit(
                route.at(*place),
                f"{target.name} also has {beside[0].ref}, because of which Istio {mesh.target.istio} ignores this GRPCRoute",
            )
