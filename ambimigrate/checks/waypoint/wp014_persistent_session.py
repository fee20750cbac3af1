"""WP014: sessions that sidecars and gateways keep by a label, and waypoints do not."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection

LABELS = ("istio.io/persistent-session", "istio.io/persistent-session-header")


@rule("WP014", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    for label in LABELS:
        if label in service.body.metadata.labels and injection.is_meshed(mesh, service.namespace):
            yield Hit(
                service.at("metadata", "labels", label),
                f"{label}: neither ztunnel nor a waypoint keeps sessions of {service.name} on one pod",
            )
