"""DR012: a DestinationRule for certain clients, which waypoints skip."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, subjects
from ambimigrate.kinds import DestinationRule
from ambimigrate.model import Hit, Mesh, Resource


@rule("DR012", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    selector = dr.body.spec.workload_selector
    if selector is None or not selector.match_labels:
        return
    found = subjects(mesh, dr)
    if found:
        labels = ", ".join(f"{key}={value}" for key, value in selector.match_labels.items())
        yield Hit(
            dr.at("spec", "workloadSelector"),
            f"a rule for the pods {labels} is skipped by the waypoint of {named(found)}: once ambient they lose it",
        )
