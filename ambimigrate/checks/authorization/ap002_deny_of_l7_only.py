"""AP002: DENY rules with a clause of L7 fields only, which never match at ztunnel."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, ztunnel


@rule("AP002", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or policy.body.spec.action != "DENY":
        return
    if not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    for effect in ztunnel.effects(policy.body):
        if effect.inert and effect.l7:
            fields = policies.listed(effect.l7)
            yield Hit(
                policy.at(*effect.first),
                f"fails open: rule {effect.index + 1} asks for {fields} in a clause without an L4 field, so ztunnel "
                f"denies nothing of it at {scope.words}",
                services=policies.needing(scope.services),
            )
