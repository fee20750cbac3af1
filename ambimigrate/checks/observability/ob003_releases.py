"""OB003: releases that are judged by what sidecars reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import judged, words
from ambimigrate.checks.pods import strings
from ambimigrate.kinds import AnalysisTemplate, ClusterAnalysisTemplate, MetricTemplate
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.reach import has_members


@rule("OB003", MetricTemplate, AnalysisTemplate, ClusterAnalysisTemplate)
def check(template: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not has_members(mesh):
        return
    if isinstance(template.body, MetricTemplate):
        if found := judged(template.body.spec.query):
            yield Hit(template.at("spec", "query"), f"{template.name} {words(*found)}", found[0])
        return
    for route, text in strings(template.body.spec.metrics):
        if found := judged(text):
            yield Hit(template.at("spec", "metrics", *route), f"{template.name} {words(*found)}", found[0])
