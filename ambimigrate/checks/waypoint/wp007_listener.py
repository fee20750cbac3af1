"""WP007: a waypoint without the listener that ztunnel calls."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, waypoints

PORT, PROTOCOL = 15008, "HBONE"


@rule("WP007", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if gateway.body.spec.gateway_class_name not in {waypoints.CLASS, attachment.AGENTGATEWAY}:
        return
    listeners = gateway.body.spec.listeners
    if any(each.port == PORT and each.protocol == PROTOCOL for each in listeners):
        return
    said = ", ".join(f"{each.protocol or 'no protocol'} on {each.port}" for each in listeners) or "none"
    where = gateway.at("spec", "listeners", 0) if listeners else gateway.at("spec")
    yield Hit(where, f"a waypoint needs a listener {PROTOCOL} on {PORT}, it has {said}: ztunnel cannot reach it")
