"""RT004: a VirtualService for a Service that a route of the Gateway API is for as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import GRPCRoute, HTTPRoute, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import is_of_mesh


@rule("RT004", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body) or not vs.body.spec.http:
        return
    for number, host in enumerate(vs.body.spec.hosts):
        for target in reach.called(mesh, host, vs):
            found = _routes(mesh, target) if reach.is_read(mesh, vs.namespace, target) else ()
            if not found:
                continue
            other = str(found[0].ref)
            place = vs.at("spec", "hosts", number)
            message = f"{target.name} has {other}, too: its waypoint drops this VirtualService, what {other} leaves gets 404"
            yield Hit(place, message, case="dropped")
            message = (
                f"{target.name} has {other}, too: its waypoint takes the rules of {other} first, then those of this object"
            )
            yield Hit(place, message, case="joined")


def _routes(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The routes for HTTP requests to the target that its waypoint reads."""
    http = (each for each in reach.mesh_routes(mesh, target) if isinstance(each.body, HTTPRoute | GRPCRoute))
    return tuple(each for each in http if reach.is_read(mesh, each.namespace, target))
