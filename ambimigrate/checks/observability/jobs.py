"""The jobs of Prometheus, from its configuration in a ConfigMap or from the values of its charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds import ConfigMap, HelmValues
from ambimigrate.model import Route
from ambimigrate.topology import charts
from ambimigrate.yamlio import Document, Unreadable, values

_NAMED = "job_name"


def jobs(body: ConfigMap | HelmValues) -> Iterator[tuple[Route, Mapping[str, Any]]]:
    """Each job with its route; those in a text stand at the field that holds it."""
    if isinstance(body, ConfigMap):
        for key, text in body.data.items():
            yield from ((("data", key), job) for job in _in_text(text))
    elif body.chart in {charts.STACK, charts.PROMETHEUS}:
        yield from _among(body.values, ("values",))


def _among(tree: Any, route: Route) -> Iterator[tuple[Route, Mapping[str, Any]]]:
    if isinstance(tree, dict):
        if isinstance(tree.get(_NAMED), str):
            yield route, tree
            return
        for key, value in tree.items():
            yield from _among(value, (*route, key))
    elif isinstance(tree, list):
        for i, value in enumerate(tree):
            yield from _among(value, (*route, i))
    elif isinstance(tree, str):
        yield from ((route, job) for job in _in_text(tree))


def _in_text(text: str) -> Iterator[Mapping[str, Any]]:
    """The jobs in a text; one that says nothing of Envoy is not worth the parsing."""
    if _NAMED not in text or not ("envoy-prom" in text or "/stats/prometheus" in text):
        return
    try:
        tree = values(Document("", 0, 1, text)).value
    except Unreadable:
        return
    if isinstance(tree, dict | list):
        yield from (job for _, job in _among(tree, ()))
