"""AP016: pods that admit their waypoint while no policy at the waypoint says who may use it."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, fronts, policies, ztunnel
from ambimigrate.topology.fronts import Front


@rule("AP016", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or policy.body.spec.action not in {"", "ALLOW"}:
        return
    if not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    rules = policy.body.spec.rules or ()
    kept = [rules[each.index] for each in ztunnel.effects(policy.body) if not each.dropped and not each.inert]
    for front in fronts.fronts(mesh, scope.services):
        if front.is_bound and any(fronts.identity(each) and fronts.meets(each, front, mesh) for each in kept):
            yield from _hits(policy, mesh, front, kept)


def _hits(policy: Resource[AuthorizationPolicy], mesh: Mesh, front: Front, kept: list[Rule]) -> Iterator[Hit]:
    applied = attachment.applied(mesh).get(id(front.service), ())
    if any(each.body.spec.action in {"", "ALLOW"} for each in applied):
        return
    name = front.service.name
    where = policy.at("spec", "rules")
    if any(names_others(each, front, mesh) for each in kept):
        message = (
            f"fails open: {front} is admitted and has no ALLOW of its own for {name}, so whoever calls through it passes, "
            "listed here or not"
        )
        yield Hit(where, message, "others")
    elif not applied:
        yield Hit(
            where, f"fails open: only {front} may call {name}, and no policy there says who may call the waypoint", "bare"
        )


def names_others(found: Rule, front: Front, mesh: Mesh) -> bool:
    """Whether a rule names identities beside the waypoint's."""
    own = {*front.principals(mesh), f"{front.namespace}/{front.account}"}
    for each in found.from_:
        source = each.source
        if source and ({*source.principals, *source.service_accounts} - own or source.namespaces or source.ip_blocks):
            return True
    return False
