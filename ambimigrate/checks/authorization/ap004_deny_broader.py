"""AP004: DENY alternatives that mix L4 and L7 fields, of which ztunnel compares the L4 ones only."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, ztunnel


@rule("AP004", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or policy.body.spec.action != "DENY":
        return
    if not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    rules = policy.body.spec.rules or ()
    for effect in ztunnel.effects(policy.body):
        for member in () if ztunnel.is_closing(rules[effect.index]) else effect.broader:
            kept, gone = policies.listed(member.l4), policies.listed(member.l7)
            yield Hit(
                policy.at(*member.at(member.l7[0])),
                f"ztunnel leaves out {gone} and compares {kept} alone, so rule {effect.index + 1} denies every request "
                f"with such {kept} at {scope.words}",
                services=policies.needing(scope.services),
            )
