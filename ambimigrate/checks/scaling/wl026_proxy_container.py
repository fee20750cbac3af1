"""WL026: an autoscaler measures the sidecar itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import sequence
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
    whose = f"{target.kind or 'Deployment'} {target.name}"
    if isinstance(scaler.body, VerticalPodAutoscaler):
        yield Hit(
            scaler.at(*found),
            f"the policy for container {_PROXY} of {whose} means nothing any more",
            "policy",
        )
    else:
        said = f"{scaler.name} measures container {_PROXY} of {whose}, which is gone: scaling stops"
        yield Hit(scaler.at(*found), said, "metric")


def _named(scaler: Resource[Any]) -> Iterator[Route]:
    match scaler.body:
        case HorizontalPodAutoscaler() as body:
            yield from _where(body.spec.metrics, ("spec", "metrics"), ("containerResource", "container"))
        case ScaledObject() as body:
            yield from _where(body.spec.triggers, ("spec", "triggers"), ("metadata", "containerName"))
        case VerticalPodAutoscaler() as body:
            policies = sequence(dig(body.spec.resource_policy, ("containerPolicies",)))
            yield from _where(policies, ("spec", "resourcePolicy", "containerPolicies"), ("containerName",))


def _where(items: Iterable[Any], base: Route, field: tuple[str, ...]) -> Iterator[Route]:
    return ((*base, i, *field) for i, each in enumerate(items) if dig(each, field) == _PROXY)
