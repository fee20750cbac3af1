"""WL027: a workload whose restart, with which it leaves its sidecar, cuts calls to its Services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import Deployment, HorizontalPodAutoscaler, ScaledObject, StatefulSet
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import injection
from ambimigrate.topology.captured import captured
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import Workload, behind, of_resource, services_of


@rule("WL027", Deployment, StatefulSet)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or not captured(mesh, workload) or injection.workload_mode(mesh, workload) != injection.SIDECAR:
        return
    pods = _least(mesh, resource)
    services = listed(f"Service {each.name}" for each in services_of(mesh, workload) if len(behind(mesh, each)) == 1)
    found = _cut(resource, workload, pods) if services and pods else None
    if found is not None:
        route, why, case = found
        message = f"{why}: the restart that removes the sidecar of {workload.name} cuts calls to {services}"
        yield Hit(resource.at(*route), message, case)


def _cut(resource: Resource[Any], workload: Workload, pods: int) -> tuple[Route, str, str] | None:
    """Where it stands that no ready pod is left during a restart, why, and the case; None if one always is."""
    spec = resource.body.spec
    if isinstance(resource.body, StatefulSet):
        return (("spec", "replicas"), "the only pod is deleted before the new one starts", "default") if pods == 1 else None
    strategy = spec.strategy or {}
    if strategy.get("type") == "Recreate":
        return ("spec", "strategy"), "strategy Recreate stops all pods first", "all"
    missing = _number(dig(strategy, ("rollingUpdate", "maxUnavailable")), pods)
    if missing >= pods:
        return ("spec", "strategy", "rollingUpdate", "maxUnavailable"), "maxUnavailable lets all pods stop at once", "all"
    if pods == 1 and not any(each.readiness_probe or each.startup_probe for each in workload.pod.containers):
        return (
            (*workload.template, "spec", "containers"),
            "one replica without readiness probe counts as ready at once",
            "default",
        )
    return None


def _number(said: Any, pods: int) -> int:
    """How many pods `maxUnavailable` means: a share is rounded down, a quarter by default (Kubernetes, apps/v1)."""
    text = "25%" if said is None else str(said)
    share = text.removesuffix("%")
    if not share.isdecimal():
        return 0
    return int(share) * pods // 100 if text.endswith("%") else int(share)


def _least(mesh: Mesh, resource: Resource[Any]) -> int:
    """The pods that run at least; 0 if that cannot be known."""
    for scaler in mesh.within(HorizontalPodAutoscaler, resource.namespace):
        if _scales(scaler, resource):
            return scaler.body.spec.min_replicas or 1
    if any(_scales(each, resource) for each in mesh.within(ScaledObject, resource.namespace)):
        return 0
    replicas: int | None = resource.body.spec.replicas
    return 1 if replicas is None else replicas


def _scales(scaler: Resource[Any], resource: Resource[Any]) -> bool:
    target = scaler.body.spec.scale_target_ref
    return bool(target.name == resource.name and (target.kind or "Deployment") == resource.kind)
