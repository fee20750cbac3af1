"""VS017: a direct response whose body is larger than a waypoint's Envoy accepts."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPBody
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach

LIMIT = 4096  # Envoy's default; Istio raises it on sidecars only (listener_waypoint.go, buildWaypointInboundHTTPRouteConfig)


@rule("VS017", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    found = reach.readers(mesh, vs)
    if not found:
        return
    for number, http in enumerate(vs.body.spec.http):
        size = _size(http.direct_response.body) if http.direct_response and http.direct_response.body else 0
        if size > LIMIT:
            yield Hit(
                vs.at("spec", "http", number, "directResponse", "body"),
                f"the body has {size} bytes, a waypoint accepts {LIMIT}: it refuses its whole configuration, so no Service of"
                f" the waypoint of {reach.listed(each.name for each in found)} gets changes any more",
            )


def _size(body: HTTPBody) -> int:
    return len((body.string or "").encode()) or len(body.bytes or "") * 3 // 4
