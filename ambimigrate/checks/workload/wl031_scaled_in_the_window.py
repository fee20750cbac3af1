"""WL031: autoscalers that start pods between the ambient label and the planned restart, where policies do not fit them yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, HorizontalPodAutoscaler, ScaledObject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, policies, ztunnel


@rule("WL031", HorizontalPodAutoscaler, ScaledObject)
def check(scaler: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if injection.mode(mesh, scaler.namespace) != injection.SIDECAR:
        return
    own = mesh.within(AuthorizationPolicy, scaler.namespace)
    found = next((each for each in own if not policies.targets(each) and ztunnel.uses_l7(each.body)), None)
    if found is not None:
        target = scaler.body.spec.scale_target_ref.name
        said = f"it may start pods of {target} as soon as the ambient label is set, before the planned restart: these meet"
        yield Hit(scaler.at("spec"), f"{said} AuthorizationPolicy {found.name} at ztunnel, which does not know its L7 fields")
