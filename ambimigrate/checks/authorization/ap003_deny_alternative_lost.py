"""AP003: alternatives of a DENY rule that have L7 fields only, beside others that ztunnel compares."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, ztunnel


@rule("AP003", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or policy.body.spec.action != "DENY":
        return
    if not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    for effect in ztunnel.effects(policy.body):
        for member in effect.lost:
            if member.l7:
                fields = policies.listed(member.l7)
                yield Hit(
                    policy.at(*member.at(member.l7[0])),
                    f"fails open: this alternative of rule {effect.index + 1} has only {fields}, which ztunnel skips; "
                    f"it is no longer denied at {scope.words}",
                    services=policies.needing(scope.services),
                )
