"""WL031: autoscalers that start pods between the ambient label and the planned restart, where policies do not fit them yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, HorizontalPodAutoscaler, ScaledObject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, policies, ztunnel
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import Workload, in_namespace, matches


@rule("WL031", HorizontalPodAutoscaler, ScaledObject)
def check(scaler: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if injection.mode(mesh, scaler.namespace) != injection.SIDECAR:
        return
    target = scaler.body.spec.scale_target_ref.name
    workload = next((each for each in in_namespace(mesh, scaler.namespace) if each.name == target), None)
    if workload is not None and not captured(mesh, workload):
        return
    found = next((each for each in mesh.within(AuthorizationPolicy, scaler.namespace) if _starves(each, workload)), None)
    if found is not None:
        said = f"it may start pods of {target} as soon as the ambient label is set, before the planned restart: these meet"
        yield Hit(scaler.at("spec"), f"{said} AuthorizationPolicy {found.name} at ztunnel, which does not know its L7 fields")


def _starves(policy: Resource[AuthorizationPolicy], workload: Workload | None) -> bool:
    """Whether ztunnel gets a policy of the pods that it does not understand whole."""
    wanted = policies.selector(policy)
    selects = not wanted or (workload is not None and matches(wanted, workload.labels))
    return selects and not policies.targets(policy) and ztunnel.uses_l7(policy.body)
