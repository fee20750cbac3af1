"""OB001: alerts and recording rules over what sidecars reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import judged, words
from ambimigrate.checks.pods import sequence, strings
from ambimigrate.kinds import HelmValues, PrometheusRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import charts
from ambimigrate.topology.reach import has_members


@rule("OB001", PrometheusRule, HelmValues)
def check(rules: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not has_members(mesh):
        return
    if isinstance(rules.body, HelmValues):
        yield from _of_values(rules, rules.body)
        return
    for i, group in enumerate(rules.body.spec.groups):
        for j, each in enumerate(sequence(group.get("rules"))):
            if isinstance(each, dict) and (found := judged(str(each.get("expr", "")))):
                name = f"alert {each['alert']}" if "alert" in each else f"record {each.get('record', j)}"
                yield Hit(rules.at("spec", "groups", i, "rules", j, "expr"), f"{name} {words(*found)}", found[0])


def _of_values(rules: Resource[Any], body: HelmValues) -> Iterator[Hit]:
    """The rules among the values of the charts of Prometheus."""
    for route, text in strings(body.values) if body.chart in {charts.STACK, charts.PROMETHEUS} else ():
        if route[-1] == "expr" and (found := judged(text)):
            yield Hit(rules.at("values", *route), f"a rule in the values of {body.chart} {words(*found)}", found[0])
