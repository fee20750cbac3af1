"""OB002: dashboards, and rules of Prometheus in ConfigMaps, over what sidecars reported."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import REPORTER, judged, words
from ambimigrate.kinds import ConfigMap
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.reach import has_members

_RULES = re.compile(r"^\s*-?\s*(?:alert|record|seriesQuery)\s*:", re.MULTILINE)


@rule("OB002", ConfigMap)
def check(config: Resource[ConfigMap], mesh: Mesh) -> Iterator[Hit]:
    for key, text in config.body.data.items():
        found = judged(text)
        if found is None or not has_members(mesh):
            continue
        if _RULES.search(text):
            yield Hit(config.at("data", key), f"a rule in {key} {words(*found)}", "rules")
        else:
            case = "reporter" if found[0] == REPORTER else "http"
            yield Hit(config.at("data", key), f"{key} {words(*found)}", case)
