"""What becomes of every AuthorizationPolicy of a namespace: left as it is, split, or held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from ambimigrate.changes import Change, Held, Note, Set, Stage
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.policies import (
    classify,
    direct,
    domains,
    entry,
    guard,
    guard_apart,
    judging,
    onward,
    openings,
    refused,
    spare,
    targets,
    tightening,
    tokens,
    trust,
    waypoint_copy,
    workload_copy,
)
from ambimigrate.converters.policies.guard import Guard
from ambimigrate.converters.policies.targets import Subject
from ambimigrate.converters.policies.workload_copy import Move
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Aims
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection, policies, waypoints, ztunnel
from ambimigrate.topology.workloads import KINDS, selected

SPLIT, ROOT = "AP901", "AP902"
_ORDER = frozenset({direct.GATEWAY, direct.SIDECARS})


def convert(mesh: Mesh, namespace: str, plan: Plan, aims: Aims) -> Outcome:
    """The changes for all policies that hold in the namespace, and those that stay as they are and why."""
    found = [each for each in targets.subjects(mesh, namespace, plan, aims.settings) if refused.is_valid(mesh, each.policy)]
    outcomes = [_subject(mesh, each, aims) for each in found if _concerns(mesh, each)]
    changes = spare.without(mesh, namespace, entry.once(change for outcome in outcomes for change in outcome.changes))
    changes += tightening.changes(mesh, namespace, aims.moving, changes)
    guarded = tuple(tokens.guarded(mesh, namespace, plan, aims))
    changes += (_said(mesh, subject, change) for subject, closing in guarded for change in closing)
    changes += _through_waypoint(mesh, namespace, [*filter(_judges, found), *(subject for subject, _ in guarded)])
    changes += domains.changes(mesh, namespace)
    reasons = [each for outcome in outcomes for each in outcome.held]
    if injection.mode(mesh, namespace) != injection.AMBIENT:
        reasons += refused.holding(mesh, namespace)
        reasons += onward.holding(mesh, namespace) if plan.of(namespace) else ()
    return Outcome(tuple(changes), tuple(reasons))


def _concerns(mesh: Mesh, subject: Subject) -> bool:
    """Whether there is anything to do: an ambient namespace keeps what it has, unless we began to change it."""
    if subject.has_twin or injection.mode(mesh, subject.namespace) != injection.AMBIENT:
        return True
    return not subject.is_l7 and bool(subject.served)


def _subject(mesh: Mesh, subject: Subject, aims: Aims) -> Outcome:
    try:
        return Outcome(tuple(_changes(mesh, subject, aims)))
    except _Held as reason:
        return Outcome(held=(reason.held,))
    except Refused as error:
        rule = ROOT if error.case == "root" else guard.CLOSED if error.case == "default" else SPLIT
        return Outcome(held=(held(mesh, subject.policy, rule, error, subject.namespace),))


class _Held(Exception):
    """A reason that is complete already."""

    def __init__(self, reason: Held) -> None:
        super().__init__(reason.reason)
        self.held = reason


def _changes(mesh: Mesh, subject: Subject, aims: Aims) -> Iterator[Change]:
    if not subject.served and (not subject.is_l7 or subject.is_dry):
        _check_alone(mesh, subject)
        return
    domain = trust.domain(mesh)
    domain.check()
    own = tuple(each.principal(domain.name) for each in subject.waypoints)
    if not subject.has_twin:
        _check_mode(mesh, subject)
        targets.check_whole(mesh, subject)
        targets.check_union(mesh, subject)
        yield from waypoint_copy.create(mesh, subject)
    classify.check_ztunnel(subject.policy.body)
    if subject.is_l7:
        targets.check_proxies(mesh, subject)
    for change in workload_copy.changes(mesh, subject, _move(mesh, subject, own, aims)):
        yield _said(mesh, subject, change)


def _said(mesh: Mesh, subject: Subject, change: Change) -> Change:
    """The change with the trust domain that it takes for granted, if it names identities and no source states it."""
    domain = trust.domain(mesh)
    if not domain.assumed or set(change.because).isdisjoint({workload_copy.ADMITTED, guard.CLOSED}):
        return change
    reason = f"the trust domain is {domain.name}, which no source states (--trust-domain says it; a wrong one only denies)"
    return replace(change, notes=(*change.notes, Note(subject.policy.at("spec"), reason, "assumed")))


def _move(mesh: Mesh, subject: Subject, own: tuple[str, ...], aims: Aims) -> Move:
    closing = None
    if guard.needed(mesh, subject, own, aims.settings):
        closing = guard.built(mesh, subject, own)
    past = direct.seen(mesh, subject, aims.moving, aims.settings) if _judges(subject) else ()
    late = {direct.SIDECARS} if aims.last <= Stage.bind else set()  # who has a sidecar goes on as before up to there
    ahead = [each for each in past if each.kind in _ORDER - late and _is_meant(mesh, subject, closing, each)]
    past = tuple(each for each in past if each.kind not in _ORDER)
    opening, is_new = openings.CLOSED, _judges(subject) and not _is_agreed(mesh, subject, own)
    if (is_new and closing) or (_judges(subject) and subject.action == "ALLOW"):
        opening = openings.agreed(mesh, subject, (*ahead, *past), aims.settings)
    known = guard_apart.known(mesh, subject) or subject.policy
    _check_order(mesh, subject, [each for each in ahead if each not in opening.callers and not openings.is_open(known, each)])
    account = Account(differences=list(opening.differences))
    if is_new:
        past = tuple(each for each in past if each not in opening.callers)
        guard.agree(subject, past, aims.settings, account)
    return Move(own, closing.opened(opening) if closing else None, account, aims.last, opening)


def _is_meant(mesh: Mesh, subject: Subject, closing: Guard | None, past: direct.Direct) -> bool:
    """Whether callers with sidecars are judged by a rule about requests; gateways call for anybody."""
    closed = closing.closings if closing else ()
    return not past.namespace or judging.is_judged(mesh, past.namespace, judging.about(subject.policy.body), closed)


def _judges(subject: Subject) -> bool:
    """Whether the policy refuses or admits by the request, so that it matters which way callers take."""
    return subject.is_l7 and subject.action != "AUDIT" and not subject.is_dry


def _is_agreed(mesh: Mesh, subject: Subject, own: tuple[str, ...]) -> bool:
    """Whether the direct way was closed before, or is about to be: an ALLOW with its copy closes it by itself."""
    if subject.action == "ALLOW":
        return subject.has_twin
    return bool(guard.placed(subject.policy.body, own)) or guard_apart.known(mesh, subject) is not None


def _check_order(mesh: Mesh, subject: Subject, past: Iterable[direct.Direct]) -> None:
    """Holds the policy for callers that would go past the waypoint."""
    found = list(past)
    if not found:
        return
    raise _Held(held(mesh, subject.policy, guard.PAST, openings.refuse(found), subject.namespace))


def _check_mode(mesh: Mesh, subject: Subject) -> None:
    """What ztunnel makes of an L7 policy today is not what it says: a copy would change who is let in."""
    already = [each for each in subject.members if injection.workload_mode(mesh, each) == injection.AMBIENT]
    if already and subject.is_l7:
        reason = f"{already[0]} is ambient already, where the policy does not do what it says; a copy would change that"
        raise Refused("ambient", ("spec",), reason)


def _check_alone(mesh: Mesh, subject: Subject) -> None:
    """A policy that stays as it is: only what ztunnel would read in another way keeps it from that."""
    policy = subject.policy.body
    if ztunnel.is_dry_run(policy):
        if ztunnel.is_sent(policy, mesh.target.istio):
            raise Refused(
                "dry", ("metadata", "annotations"), f"ztunnel of Istio {mesh.target.istio} carries out policies in dry run"
            )
        return
    classify.check_ztunnel(policy)


def _through_waypoint(mesh: Mesh, namespace: str, subjects: list[Subject]) -> Iterator[Change]:
    """The label that sends gateways through the waypoint, on Services whose policies only it can carry out (1.24+)."""
    judged = {id(each): each for subject in subjects for each in subject.served}
    for service in judged.values():
        if direct.needs_ingress(mesh, service):
            yield _ingress(mesh, namespace, service)


def _ingress(mesh: Mesh, namespace: str, service: Resource[Service]) -> Change:
    edits = (Set(("metadata", "labels", waypoints.INGRESS_USE), "true"),)
    return Change(Stage.bind, namespace, mesh.name, service.ref, edits, service, ("WP904",), (service.at(),))


def untouched(mesh: Mesh) -> Iterator[tuple[Resource[AuthorizationPolicy], str]]:
    """The policies that need no change since they mean no pod, as far as the input shows."""
    for policy in mesh.of(AuthorizationPolicy):
        labels = policies.selector(policy)
        about = ztunnel.uses_l7(policy.body) or policy.body.spec.action in {"CUSTOM", "AUDIT"}
        if not labels or policies.targets(policy) or policies.is_of_gateways(mesh, labels):
            continue
        found = policies.scope(mesh, policy)
        if about and not found.concerns and _selects_nothing(mesh, policy, labels):
            yield policy, "its selector matches nothing, and all workloads were read"
        elif not about and not found.workloads and not policies.needing(found.services):
            yield policy, "its selector means no pod of the mesh that is in the input"


def _selects_nothing(mesh: Mesh, policy: Resource[AuthorizationPolicy], labels: Mapping[str, str]) -> bool:
    """Whether it is known that there are no such pods: the input shows all, and none of them has the labels."""
    found = policies.namespaces(mesh, policy)
    whole = all(mesh.is_whole(kind, each) for kind in KINDS for each in found)
    return whole and not any(selected(mesh, each, labels) for each in found)


__all__ = ["Aims", "convert", "untouched"]
