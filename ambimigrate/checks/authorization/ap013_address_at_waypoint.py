"""AP013: policies at a waypoint by the direct peer's address, which never matches there."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies, ztunnel

POSITIVE, NEGATIVE = {"ipBlocks", "source.ip"}, {"notIpBlocks"}


@rule("AP013", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    reached = list(attachment.reached(mesh, policy)) if policies.targets(policy) else []
    if not reached:
        return
    names = policies.listed(each.name for each in reached)
    deny = policy.body.spec.action == "DENY"
    for effect in ztunnel.effects(policy.body):
        for member in effect.members:
            for field in sorted({*member.l4} & (POSITIVE | NEGATIVE)):
                where = policy.at(*member.at(field))
                if field in NEGATIVE:
                    said = f"always holds at a waypoint: rule {effect.index + 1} {'denies' if deny else 'admits'} every address"
                    yield Hit(where, f"{'' if deny else 'fails open: '}{field} {said} at {names}", "closed" if deny else "open")
                elif deny:
                    message = (
                        f"fails open: {field} never matches at a waypoint, so rule {effect.index + 1} denies nobody at {names}"
                    )
                    yield Hit(where, message, "open")
                else:
                    message = f"{field} never matches at a waypoint, so rule {effect.index + 1} admits nobody at {names}"
                    yield Hit(where, message, "closed")
