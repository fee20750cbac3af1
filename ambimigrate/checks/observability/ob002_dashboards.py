"""OB002: dashboards, and rules of Prometheus in ConfigMaps, over what sidecars reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import REPORTER, judged, words
from ambimigrate.checks.pods import strings
from ambimigrate.kinds import ConfigMap, HelmValues
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import charts
from ambimigrate.topology.reach import has_members

_RULES = re.compile(r"^\s*-?\s*(?:alert|record|seriesQuery)\s*:", re.MULTILINE)


@rule("OB002", ConfigMap, HelmValues)
def check(config: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(config.body, HelmValues):
        yield from _of_values(config, config.body, mesh)
        return
    for key, text in config.body.data.items():
        found = judged(text)
        if found is None or not has_members(mesh):
            continue
        if _RULES.search(text):
            yield Hit(config.at("data", key), f"a rule in {key} {words(*found)}", "rules")
        else:
            case = "reporter" if found[0] == REPORTER else "http"
            yield Hit(config.at("data", key), f"{key} {words(*found)}", case)


def _of_values(config: Resource[Any], body: HelmValues, mesh: Mesh) -> Iterator[Hit]:
    """The dashboards that are given to Grafana among the values of its chart."""
    if body.chart != charts.STACK or not has_members(mesh):
        return
    for route, text in strings(body.values):
        if "dashboards" in route and route[-1] == "json" and (found := judged(text)):
            case = "reporter" if found[0] == REPORTER else "http"
            yield Hit(config.at("values", *route), f"dashboard {route[-2]} {words(*found)}", case)
