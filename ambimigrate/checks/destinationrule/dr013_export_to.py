"""DR013: a DestinationRule that the waypoint's namespace does not see."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import read_subjects
from ambimigrate.kinds import DestinationRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach

DEFAULT = "defaultDestinationRuleExportTo"


@rule("DR013", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    if not (dr.body.spec.traffic_policy or dr.body.spec.subsets):
        return
    for target in read_subjects(mesh, dr):
        waypoint = reach.waypoint_namespace(mesh, target)
        if not (dr.namespace and target.namespace):
            continue
        if not reach.is_exported(mesh, dr.body.spec.export_to, dr.namespace, waypoint, DEFAULT):
            yield Hit(
                dr.at("spec", "exportTo"),
                f"exportTo does not show it to {waypoint}, where the waypoint of {target.name} is: it serves {target.name}"
                " without this rule",
            )
            return
