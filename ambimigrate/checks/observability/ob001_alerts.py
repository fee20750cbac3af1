"""OB001: alerts, recording rules and service levels over what sidecars reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import judged, words
from ambimigrate.checks.pods import sequence, strings
from ambimigrate.kinds import HelmValues, PrometheusRule, PrometheusServiceLevel, ServiceLevelObjective
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import charts
from ambimigrate.topology.reach import has_members


@rule("OB001", PrometheusRule, PrometheusServiceLevel, ServiceLevelObjective, HelmValues)
def check(rules: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not has_members(mesh):
        return
    if isinstance(rules.body, HelmValues):
        yield from _of_values(rules, rules.body)
        return
    if isinstance(rules.body, PrometheusServiceLevel | ServiceLevelObjective):
        yield from _of_levels(rules)
        return
    for i, group in enumerate(rules.body.spec.groups):
        for j, each in enumerate(sequence(group.get("rules"))):
            if isinstance(each, dict) and (found := judged(str(each.get("expr", "")))):
                name = f"alert {each['alert']}" if "alert" in each else f"record {each.get('record', j)}"
                yield Hit(rules.at("spec", "groups", i, "rules", j, "expr"), f"{name} {words(*found)}", found[0])


def _of_levels(level: Resource[Any]) -> Iterator[Hit]:
    """The queries of a service level, from which Sloth and Pyrra make alerts."""
    field = "slos" if isinstance(level.body, PrometheusServiceLevel) else "indicator"
    for route, text in strings(getattr(level.body.spec, field)):
        if found := judged(text):
            yield Hit(level.at("spec", field, *route), f"{level.name} {words(*found)}", found[0])


def _of_values(rules: Resource[Any], body: HelmValues) -> Iterator[Hit]:
    """The rules among the values of the charts of Prometheus."""
    for route, text in strings(body.values) if body.chart in {charts.STACK, charts.PROMETHEUS} else ():
        if route[-1] == "expr" and (found := judged(text)):
            yield Hit(rules.at("values", *route), f"a rule in the values of {body.chart} {words(*found)}", found[0])
