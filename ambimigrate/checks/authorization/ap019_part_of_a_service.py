"""AP019: L7 policies that select some of the pods behind a Service, which a waypoint cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, WasmPlugin
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, workloads, ztunnel


@rule("AP019", AuthorizationPolicy, RequestAuthentication, WasmPlugin)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or scope.form != policies.SELECTOR or not scope.workloads or not _needs_waypoint(policy):
        return
    where = policy.at(*policies.selector_route(policy))
    for service in scope.services:
        if not policies.can_be_bound(service):
            continue
        rest = [each for each in workloads.behind(mesh, service) if each not in scope.workloads]
        if rest:
            names = policies.listed(str(each) for each in rest)
            message = f"Service {service.name} also leads to {names}, and a waypoint judges the Service, not the pod it picks"
            yield Hit(where, message, "part")
    if not any(policies.can_be_bound(each) for each in scope.services):
        yield Hit(
            where, f"no Service with an address leads to {scope.words}, so no waypoint for Services can enforce it", "none"
        )


def _needs_waypoint(policy: Resource[Any]) -> bool:
    if not isinstance(policy.body, AuthorizationPolicy):
        return True
    return ztunnel.uses_l7(policy.body) or policy.body.spec.action == "CUSTOM"
