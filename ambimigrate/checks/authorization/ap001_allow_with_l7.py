"""AP001: ALLOW rules with L7 fields, which ztunnel takes out."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.authorization import copies
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import meshconfig, policies, ztunnel


@rule("AP001", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    spec = policy.body.spec
    scope = policies.scope(mesh, policy)
    if not scope.concerns or spec.action not in {"", "ALLOW"} or not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    effects = ztunnel.effects(policy.body)
    dropped = [each for each in effects if each.dropped]
    lacking = copies.lacking(mesh, policy, scope.services) if dropped else ()
    if not dropped or (scope.services and not lacking):
        return
    services = policies.needing(lacking)
    left = [each for each in effects if not each.dropped and not each.inert]
    when = "now that they are ambient" if policies.is_ambient(mesh, policy) else "once they are ambient"
    denied = "all callers" if not _others_admit(mesh, policy) else "callers that no other policy admits"
    for effect in dropped if left else dropped[:1]:
        fields = policies.listed(effect.l7 if left else (field for each in dropped for field in each.l7))
        if left:
            message = f"ztunnel removes rule {effect.index + 1} ({fields}): whom only it admits is denied at {scope.words}"
        else:
            message = f"every rule uses {fields}, which ztunnel removes: {denied} of {scope.words} are denied {when}"
        yield Hit(policy.at(*effect.first), message, "some" if left else "all", services)


def _others_admit(mesh: Mesh, policy: Resource[AuthorizationPolicy]) -> bool:
    """Whether another ALLOW of the same pods keeps a rule at ztunnel."""
    near = (policy.namespace, meshconfig.root_namespace(mesh))
    known = mesh.of(AuthorizationPolicy) if policies.is_root(mesh, policy) else mesh.within(AuthorizationPolicy, *near)
    others = (each for each in known if each is not policy and policies.overlap(mesh, each, policy))
    sent = (each for each in others if each.body.spec.action in {"", "ALLOW"} and ztunnel.is_sent(each.body, mesh.target.istio))
    return any(not effect.dropped and not effect.inert for each in sent for effect in ztunnel.effects(each.body))
