"""OB005: autoscalers that follow what sidecars reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.observability.queries import HTTP, judged, words
from ambimigrate.checks.pods import strings
from ambimigrate.checks.scaling.targets import concerns, workload_of
from ambimigrate.kinds import HorizontalPodAutoscaler, ScaledObject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import waypoints
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import services_of


@rule("OB005", HorizontalPodAutoscaler, ScaledObject)
def check(scaler: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    field, found = (
        ("triggers", scaler.body.spec.triggers)
        if isinstance(scaler.body, ScaledObject)
        else ("metrics", scaler.body.spec.metrics)
    )
    for i, each in enumerate(found):
        said = _of_metric(each) or next((words for _, text in strings(each) if (words := _of_text(text))), None)
        if said and concerns(mesh, scaler) and not (said[0] == HTTP and _has_waypoint(mesh, scaler)):
            yield Hit(scaler.at("spec", field, i), f"{scaler.name} {said[1]}: scaling stops", said[0])


def _of_text(text: str) -> tuple[str, str] | None:
    found = judged(text)
    return (found[0], words(*found)) if found else None


def _of_metric(metric: dict[str, Any]) -> tuple[str, str] | None:
    """A metric by name and labels, as an adapter serves it."""
    for kind in ("external", "object", "pods"):
        name = dig(metric, (kind, "metric", "name"))
        if isinstance(name, str) and name.startswith("istio_re"):
            reporter = dig(metric, (kind, "metric", "selector", "matchLabels", "reporter"))
            return _of_text(f'{name}{{reporter="{reporter}"}}' if reporter else name)
    return None


def _has_waypoint(mesh: Mesh, scaler: Resource[Any]) -> bool:
    """Whether a waypoint reports for the Services in front of what is scaled."""
    workload = workload_of(mesh, scaler)
    found = services_of(mesh, workload) if workload else ()
    return bool(found) and all(waypoints.is_bound(mesh, each) for each in found)
