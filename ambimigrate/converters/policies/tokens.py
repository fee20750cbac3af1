"""The way past the waypoint for tokens: whether policies close it, and the guard where none does.

A check of tokens alone answers 401 to false ones and lets everybody else in, so that no AuthorizationPolicy needs to be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.changes import Change
from ambimigrate.converters import twins
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.policies import classify, direct, guard, guard_apart, openings, targets, trust
from ambimigrate.converters.policies.closing import Closing, Reading, closings
from ambimigrate.converters.policies.guard import Guard
from ambimigrate.converters.policies.targets import Subject
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Aims, Settings
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication
from ambimigrate.kinds.security import Operation
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import injection, policies, ztunnel
from ambimigrate.topology.workloads import Workload, selected, services_of


def guarded(mesh: Mesh, namespace: str, plan: Plan, aims: Aims) -> Iterator[tuple[Subject, tuple[Change, ...]]]:
    """The RequestAuthentications whose way past the waypoint is closed by a guard of their own, each with its changes."""
    closed: set[int] = set()
    for aim in twins.applying(mesh, RequestAuthentication, namespace, aims.settings):
        subject = subject_of(mesh, aim, plan)
        if guard_apart.known(mesh, subject) is None and not _is_new(mesh, aim, plan, aims, closed):
            continue
        closed |= {id(each) for each in aim.workloads}
        yield subject, tuple(_changes(mesh, subject, aims))


def _is_new(mesh: Mesh, aim: Aim, plan: Plan, aims: Aims, closed: set[int]) -> bool:
    """Whether a guard has to be written: while there are sidecars, and for pods that no other closes."""
    if injection.mode(mesh, aim.namespace) == injection.AMBIENT or not aim.subject.body.spec.jwt_rules:
        return False
    wanted = any(id(each) not in closed for each in opened(mesh, aim, plan, aims.settings))
    return wanted and can_close(mesh, aim, plan, aims)


# --- who could come past it -------------------------------------------------------------------------------------------


def opened(mesh: Mesh, aim: Aim, plan: Plan, settings: Settings) -> Iterator[Workload]:
    """The workloads that somebody could still call past the waypoint, whose tokens nobody would look at.

    Closed are those with the guard of a DENY or CUSTOM about requests (AP905), or with ALLOWs of which ztunnel keeps none
    but the waypoint's own.
    """
    own = frozenset(_own(mesh, aim, plan))
    return (each for each in aim.workloads if not _is_closed(mesh, each, own, settings))


def _own(mesh: Mesh, aim: Aim, plan: Plan) -> tuple[str, ...]:
    domain = trust.domain(mesh).name
    found = (plan.by_service.get((each.namespace, each.name)) for each in aim.services)
    return tuple(dict.fromkeys(each.principal(domain) for each in found if each is not None))


def _is_closed(mesh: Mesh, workload: Workload, own: frozenset[str], settings: Settings) -> bool:
    if any(not openings.may_open(each, settings) for each in mesh.index(_closing).get(id(workload), ())):
        return True
    allows = guard.allowing(mesh, workload)
    is_let_in = any(openings.may_open(each, settings) for each in allows)
    return bool(allows) and not is_let_in and not any(True for each in allows for _ in classify.surviving(each.body, own))


def _closing(mesh: Mesh) -> Mapping[int, tuple[Resource[AuthorizationPolicy], ...]]:
    """The policies whose guard closes a workload for everybody, or that hold its namespace."""
    return grouped(
        (id(workload), policy)
        for policy in mesh.of(AuthorizationPolicy)
        if policy.body.spec.action in {"DENY", "CUSTOM"} and not ztunnel.is_dry_run(policy.body)
        if Closing() in _closings(mesh, policy)
        for workload in policies.scope(mesh, policy).workloads
    )


def _closings(mesh: Mesh, policy: Resource[AuthorizationPolicy]) -> tuple[Closing, ...]:
    rules = policy.body.spec.rules or ()
    about = [rules[each] for each in classify.l7_rules(policy.body)] if policy.body.spec.action == "DENY" else rules
    return closings(about, Reading(policy.namespace, mesh.target.istio, trust.domain(mesh).name), ())


# --- the guard --------------------------------------------------------------------------------------------------------


def can_close(mesh: Mesh, aim: Aim, plan: Plan, aims: Aims) -> bool:
    """Whether a guard was agreed to and refuses nobody but callers that do not cross the waypoint for good.

    Not where pods are meant that keep a proxy, nor while gateways or sidecars would go past the waypoint.
    """
    served = all((each.namespace, each.name) in plan.by_service for each in aim.services)
    if not aims.settings.close_direct_access or not (aim.workloads and aim.services and served):
        return False
    own = {id(each) for each in aim.workloads}
    if any(id(each) not in own for each in selected(mesh, aim.namespace, policies.selector(aim.subject))):
        return False
    subject = subject_of(mesh, aim, plan)
    try:
        trust.domain(mesh).check()
        targets.check_proxies(mesh, subject)
    except Refused:
        return False
    return not any(each.kind in {direct.GATEWAY, direct.SIDECARS} for each in _past(mesh, subject, aims))


def subject_of(mesh: Mesh, aim: Aim, plan: Plan) -> Subject:
    """A RequestAuthentication as what a guard is for."""
    front = {id(each): each for one in aim.workloads for each in services_of(mesh, one)}
    bare = tuple(each for each in front.values() if each not in aim.services and not subsets.is_versioned(each))
    known = (plan.by_service.get((each.namespace, each.name)) for each in aim.services)
    found = tuple(dict.fromkeys(each for each in known if each is not None))
    shape = policies.form(mesh, aim.subject)
    return Subject(aim.subject, aim.namespace, shape, aim.workloads, aim.services, bare, found, False, (), (), is_alone=False)


def _past(mesh: Mesh, subject: Subject, aims: Aims) -> tuple[direct.Direct, ...]:
    return direct.seen(mesh, subject, aims.moving, aims.settings)


def _changes(mesh: Mesh, subject: Subject, aims: Aims) -> Iterator[Change]:
    """The guard, stage by stage; who is seen to come past the waypoint is listed."""
    domain = trust.domain(mesh).name
    own = tuple(each.principal(domain) for each in subject.waypoints)
    ports = guard.other_ports(subject)
    closing = Closing(operations=(Operation(not_ports=ports),) if ports else ())
    past = policies.listed(each.words for each in _past(mesh, subject, aims)) or "nobody is seen to, but not all callers are"
    witness = f"whoever calls {subject.members[0]} past the waypoint ({past}): answered today, refused then"
    for stage, ref, action, known in guard_apart.apart(mesh, subject, Guard(own, (closing,)), (), aims.last):
        yield Change(
            stage,
            subject.namespace,
            mesh.name,
            ref,
            action,
            known,
            (guard.CLOSED,),
            (subject.policy.at(),),
            "differs",
            None,
            witness,
        )
