"""WL025: utilisation was measured over the sidecar, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.scaling.targets import concerns, target_of, workload_of
from ambimigrate.kinds import HorizontalPodAutoscaler, ScaledObject
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import injection
from ambimigrate.topology.meshconfig import dig

_RESOURCES = frozenset({"cpu", "memory"})


@rule("WL025", HorizontalPodAutoscaler, ScaledObject)
def check(scaler: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = workload_of(mesh, scaler)
    if workload is not None and injection.workload_mode(mesh, workload) != injection.SIDECAR:
        return
    found = next(_measured(scaler), None)
    if found is not None and concerns(mesh, scaler):
        target = target_of(scaler)
        yield Hit(
            scaler.at(*found[0]),
            f"{found[1]} of {target.kind or 'Deployment'} {target.name} was averaged over its sidecar: without "
            "it the same load gives another number of pods",
        )


def _measured(scaler: Resource[Any]) -> Iterator[tuple[Route, str]]:
    spec = scaler.body.spec
    if isinstance(scaler.body, ScaledObject):
        for i, trigger in enumerate(spec.triggers):
            named = dig(trigger, ("metadata", "containerName"))
            if str(trigger.get("type")) in _RESOURCES and not named:
                yield ("spec", "triggers", i), str(trigger["type"])
        return
    if spec.target_cpu_utilization_percentage is not None:
        yield ("spec", "targetCPUUtilizationPercentage"), "cpu"
    for i, metric in enumerate(spec.metrics):
        name = dig(metric, ("resource", "name"))
        if metric.get("type") == "Resource" and str(name) in _RESOURCES:
            yield ("spec", "metrics", i), str(name)
