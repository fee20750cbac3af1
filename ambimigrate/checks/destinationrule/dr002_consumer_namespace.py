"""DR002: a DestinationRule in a namespace where the Service's waypoint does not look."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import is_read, named, subjects
from ambimigrate.kinds import DestinationRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, reach


@rule("DR002", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    spec = dr.body.spec
    if not (spec.traffic_policy or spec.subsets):
        return
    found = [each for each in subjects(mesh, dr) if not is_read(mesh, dr.namespace, each)]
    if not found:
        return
    own = {name for each in found for name in (each.namespace, reach.waypoint_namespace(mesh, each))}
    looked = reach.listed(sorted(own | {meshconfig.root_namespace(mesh)}))
    yield Hit(
        dr.at("spec", "host"),
        f"the waypoint of {named(found)} looks for DestinationRules in {looked} only: for ambient clients of"
        f" {dr.namespace} this one does nothing",
    )
