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
                case, message = _said(field, effect.index + 1, names, deny=deny)
                yield Hit(policy.at(*member.at(field)), message, case)


def _said(field: str, number: int, names: str, *, deny: bool) -> tuple[str, str]:
    if field in NEGATIVE:
        held = f"{field} always holds at a waypoint: rule {number}"
        return (
            ("closed", f"{held} denies every address at {names}")
            if deny
            else ("open", f"fails open: {held} admits every address at {names}")
        )
    missed = f"{field} never matches at a waypoint, so rule {number}"
    return (
        ("open", f"fails open: {missed} denies nobody at {names}") if deny else ("closed", f"{missed} admits nobody at {names}")
    )
