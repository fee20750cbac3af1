"""WL026: an autoscaler measures the sidecar itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.scaling.targets import concerns, target_of
from ambimigrate.kinds import HorizontalPodAutoscaler, ScaledObject, VerticalPodAutoscaler
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology.meshconfig import dig

_PROXY = "istio-proxy"


@rule("WL026", HorizontalPodAutoscaler, ScaledObject, VerticalPodAutoscaler)
def check(scaler: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    found = next(_named(scaler), None)
    if found is None or not concerns(mesh, scaler):
        return
    target = target_of(scaler)
    if isinstance(scaler.body, VerticalPodAutoscaler):
        yield Hit(
            scaler.at(*found),
            f"the policy for container {_PROXY} of {target.kind} {target.name} means nothing any more",
            "policy",
        )
    else:
        said = f"{scaler.name} measures container {_PROXY} of {target.kind} {target.name}, which is gone: scaling stops"
        yield Hit(scaler.at(*found), said, "metric")


def _named(scaler: Resource[Any]) -> Iterator[Route]:
    match scaler.body:
        case HorizontalPodAutoscaler() as body:
            for i, metric in enumerate(body.spec.metrics):
                if dig(metric, ("containerResource", "container")) == _PROXY:
                    yield "spec", "metrics", i, "containerResource", "container"
        case ScaledObject() as body:
            for i, trigger in enumerate(body.spec.triggers):
                if dig(trigger, ("metadata", "containerName")) == _PROXY:
                    yield "spec", "triggers", i, "metadata", "containerName"
        case VerticalPodAutoscaler() as body:
            policies = dig(body.spec.resource_policy, ("containerPolicies",)) or ()
            for i, each in enumerate(policies):
                if dig(each, ("containerName",)) == _PROXY:
                    yield "spec", "resourcePolicy", "containerPolicies", i
