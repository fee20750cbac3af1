"""Queries for Istio's HTTP metrics, and which reporter they ask for.

Waypoints report with reporter="waypoint", once for each request; ztunnel reports istio_tcp_* only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SERIES = re.compile(r"\bistio_(?:request|response)[a-z_]*\b(?:\s*\{([^}]*)\})?")
_REPORTER = re.compile(r"""reporter\s*=~?\s*[\\"']*([^"'\\]*)""")

REPORTER, HTTP = "reporter", "http"


def judged(text: str) -> tuple[str, str] | None:
    """What a query asks for that ends: (`reporter`, its value) or (`http`, the metric); None if it asks for nothing of it."""
    found = None
    for case, said in _all(text):
        if case == REPORTER:
            return case, said
        found = found or (case, said)
    return found


def _all(text: str) -> Iterator[tuple[str, str]]:
    if "istio_re" not in text:
        return
    for series in _SERIES.finditer(text):
        asked = _REPORTER.search(series[1] or "")
        if asked and "waypoint" not in asked[1] and asked[1]:
            yield REPORTER, asked[1]
        elif not asked:
            yield HTTP, series[0].partition("{")[0].strip()


def words(case: str, said: str) -> str:
    """What becomes of such a query."""
    if case == REPORTER:
        return f'asks for HTTP metrics of reporter "{said}", which only sidecars report: without them it finds nothing'
    return f"asks for {said}, which Services without a waypoint do not report any more"
