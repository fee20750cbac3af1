"""AP014: trustDomains and notTrustDomains, which ztunnel leaves out without a word."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, ztunnel


@rule("AP014", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    deny = policy.body.spec.action == "DENY"
    for effect in ztunnel.effects(policy.body):
        for member in effect.trust:
            field = member.trust[0]
            where = policy.at(*member.at(field))
            if effect.dropped:
                continue
            if member.l4 and not deny:
                kept = ", ".join(member.l4)
                message = f"fails open: ztunnel ignores {field} and admits by {kept} alone at {scope.words}"
                yield Hit(where, message, "wider")
            elif member.l4:
                message = f"ztunnel ignores {field} and denies by {', '.join(member.l4)} alone at {scope.words}"
                yield Hit(where, message, "broader")
            elif deny:
                message = f"fails open: ztunnel ignores {field}, nothing is left to match, so nobody is denied at {scope.words}"
                yield Hit(where, message, "inert")
            else:
                message = f"ztunnel ignores {field}, nothing is left to match, so it admits nobody at {scope.words}"
                yield Hit(where, message, "nobody")
