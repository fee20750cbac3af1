"""SE010: the annotation istio.io/connect-strategy, which only waypoints of Istio 1.30 and newer follow."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, is_bound
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource

STRATEGY = "istio.io/connect-strategy"


@rule("SE010", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    metadata = entry.body.metadata
    for field, values in (("annotations", metadata.annotations), ("labels", metadata.labels)):
        if STRATEGY not in values or not concerns(mesh, entry):
            continue
        place = entry.at("metadata", field, STRATEGY)
        yield Hit(place, f"{STRATEGY} has no effect before Istio 1.30", case="old")
        if not is_bound(mesh, entry):
            message = f"{STRATEGY} has no effect without a waypoint, and none serves {entry.name}"
            yield Hit(place, message, case="unbound")
