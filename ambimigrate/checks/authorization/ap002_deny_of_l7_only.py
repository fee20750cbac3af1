"""AP002: DENY rules with a clause of L7 fields only, which never match at ztunnel."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.authorization import copies
from ambimigrate.checks.authorization.ap007_allow_rejects_waypoint import is_allow
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies, ztunnel


@rule("AP002", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or policy.body.spec.action != "DENY":
        return
    if not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    lacking = copies.lacking(mesh, policy, scope.services)
    if scope.services and not lacking:
        return
    for effect in ztunnel.effects(policy.body):
        if not effect.inert or not effect.l7:
            continue
        if _is_replaced(policy, mesh, effect.index):
            message = f"rule {effect.index + 1} does nothing at ztunnel; its copy at the waypoint holds, so this policy can go"
            yield Hit(policy.at(*effect.first), message, "leftover")
        else:
            fields = policies.listed(effect.l7)
            yield Hit(
                policy.at(*effect.first),
                f"fails open: rule {effect.index + 1} asks for {fields} in a clause without an L4 field, so ztunnel "
                f"denies nothing of it at {scope.words}",
                services=policies.needing(lacking),
            )


def _is_replaced(policy: Resource[AuthorizationPolicy], mesh: Mesh, number: int) -> bool:
    """Whether waypoints apply the same rule to all its Services, and ztunnel keeps a list of who may call the pods."""
    rule_ = (policy.body.spec.rules or ())[number]
    services = policies.scope(mesh, policy).services
    for service in services:
        twins = (each for each in attachment.applied(mesh).get(id(service), ()) if each.body.spec.action == "DENY")
        guards = (each for each in policies.by_service(mesh).get(id(service), ()) if is_allow(each, mesh))
        if not any(rule_ in (each.body.spec.rules or ()) for each in twins) or not any(guards):
            return False
    return bool(services)
