"""WP014: sessions that sidecars and gateways keep by a label, and waypoints do not."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import flags, injection

LABELS = ("istio.io/persistent-session", "istio.io/persistent-session-header")
SWITCH = "PILOT_ENABLE_PERSISTENT_SESSION_FILTER"  # off by default (istio/istio, pilot/pkg/features)


@rule("WP014", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    found = [each for each in LABELS if each in service.body.metadata.labels]
    if not found or not injection.is_meshed(mesh, service.namespace):
        return
    is_on = flags.pilot_env(mesh, SWITCH)
    if is_on is False:
        return
    today = "" if is_on else f"if istiod has {SWITCH}, sidecars keep sessions by it; "
    for label in found:
        place = service.at("metadata", "labels", label)
        message = f"{label}: {today}neither ztunnel nor a waypoint keeps those of {service.name} on one pod"
        yield Hit(place, message, "default" if is_on else "unseen")
