"""AP007: ALLOW policies by identity that do not admit the waypoint in front of their workloads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, fronts, policies, ztunnel
from ambimigrate.topology.fronts import Front

Policy = Resource[AuthorizationPolicy]


@rule("AP007", AuthorizationPolicy)
def check(policy: Policy, mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or not is_allow(policy, mesh):
        return
    effects = ztunnel.effects(policy.body)
    if effects and all(each.dropped for each in effects):
        return  # AP001: nobody is admitted at all
    refused = [each for each in fronts.fronts(mesh, scope.services) if _is_cause(policy, each, mesh)]
    certain = (True,) if any(each.dropped for each in effects) else (True, False)  # AP001 says it of what is only planned
    for bound in certain:
        members = [each for each in refused if each.is_bound is bound]
        if members:
            yield _hit(policy, members)


def is_allow(policy: Policy, mesh: Mesh) -> bool:
    """Whether ztunnel reads it as an ALLOW."""
    return policy.body.spec.action in {"", "ALLOW"} and ztunnel.is_sent(policy.body, mesh.target.istio)


def _is_cause(policy: Policy, front: Front, mesh: Mesh) -> bool:
    """Whether no ALLOW of the pods admits the waypoint, and this one is to be changed: the others name callers, too."""
    let_in, names_callers = mesh.once(_verdict, front, front.service)
    if let_in:
        return False
    return True if policy.body.spec.rules else not names_callers and _lets_in(mesh, front)


def _lets_in(mesh: Mesh, front: Front) -> bool:
    """Whether a policy at the waypoint admits somebody: without one nobody is meant to get in."""
    applied = attachment.attached(mesh, front.service) if front.is_bound else ()
    return any(each.body.spec.action in {"", "ALLOW"} and each.body.spec.rules for each in applied)


def _verdict(mesh: Mesh, front: Front) -> tuple[bool, bool]:
    """Whether the ALLOW policies of a Service admit its waypoint, and whether any of them has rules."""
    allows = [each for each in policies.by_service(mesh).get(id(front.service), ()) if is_allow(each, mesh)]
    return any(admits(each, front, mesh) for each in allows), any(each.body.spec.rules for each in allows)


def admits(policy: Policy, front: Front, mesh: Mesh) -> bool:
    """Whether a rule that ztunnel keeps admits the waypoint."""
    rules = policy.body.spec.rules or ()
    kept = (each.index for each in ztunnel.effects(policy.body) if not each.dropped and not each.inert)
    return any(fronts.meets(rules[index], front, mesh) for index in kept)


def _hit(policy: Policy, members: Iterable[Front]) -> Hit:
    members = list(members)
    first = members[0]
    names = policies.listed(policies.named(each.service) for each in members)
    who = f"{first.namespace}/{first.account}"
    services = tuple(f"{each.service.namespace}/{each.service.name}" for each in members)
    if first.is_bound:
        message = f"ztunnel sees waypoint {who} as the caller, which no rule admits: all calls through it to {names} are denied"
    else:
        message = (
            f"behind the waypoint that is needed for {names} ({first.reason}), ztunnel sees the waypoint as the caller; "
            "no rule admits it, so all calls are denied"
        )
    return Hit(policy.at("spec", "rules"), message, "bound" if first.is_bound else "planned", services)
