"""VS005: an entry for gateways only, which older waypoints apply to the mesh as well."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import destinations, entries, in_mesh
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("VS005", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    found = reach.readers(mesh, vs)
    if not found:
        return
    for route, http, match in entries(vs.body):
        if not in_mesh(match):
            yield Hit(
                vs.at(*route, "gateways"),
                f"before Istio 1.26 the waypoint of {reach.listed(each.name for each in found)} does not read"
                f" match.gateways: requests from the mesh also go to {destinations(http)}",
            )
