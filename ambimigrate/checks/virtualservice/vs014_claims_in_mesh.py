"""VS014: routing by JWT claims for clients in the mesh, which only gateways do."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import destinations, entries, in_mesh
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach

CLAIMS = "@request.auth.claims"


@rule("VS014", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not reach.readers(mesh, vs):
        return
    for route, http, match in entries(vs.body):
        for field, keys in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
            if in_mesh(match) and any(each.startswith(CLAIMS) for each in keys):
                yield Hit(
                    vs.at(*route, field),
                    f"{field} asks for JWT claims: only ingress gateways route by them, a waypoint sends nobody to"
                    f" {destinations(http)}",
                )
