"""OB001: alerts and recording rules over what sidecars reported."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import judged, words
from ambimigrate.checks.pods import sequence
from ambimigrate.kinds import PrometheusRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.reach import has_members


@rule("OB001", PrometheusRule)
def check(rules: Resource[PrometheusRule], mesh: Mesh) -> Iterator[Hit]:
    if not has_members(mesh):
        return
    for i, group in enumerate(rules.body.spec.groups):
        for j, each in enumerate(sequence(group.get("rules"))):
            if isinstance(each, dict) and (found := judged(str(each.get("expr", "")))):
                name = f"alert {each['alert']}" if "alert" in each else f"record {each.get('record', j)}"
                yield Hit(rules.at("spec", "groups", i, "rules", j, "expr"), f"{name} {words(*found)}", found[0])
