"""What a policy by selector becomes for ztunnel: the waypoint let through, what only proxies compare taken out in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Delete, Edit, Set, Stage
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.policies import classify, entry, guard, guard_apart, openings
from ambimigrate.converters.policies.guard import Guard
from ambimigrate.converters.policies.openings import Opening
from ambimigrate.converters.policies.targets import Subject
from ambimigrate.kinds.security import Rule, Source
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.topology import ztunnel
from ambimigrate.versions import at_least

ADMITTED, RETIRED = entry.ADMITTED, "AP907"
SIDECARS_ONLY = {"key": "request.headers[:method]", "values": ["*"]}  # holds for every request, and ztunnel has none


class Move(Struct, frozen=True):
    """What is settled for a policy: the identities of its waypoints, the guard if it needs one, and what was agreed to.

    `opening`: who may still come past the waypoint.
    """

    own: tuple[str, ...]
    guard: Guard | None
    account: Account
    last: Stage
    opening: Opening = openings.CLOSED


def changes(mesh: Mesh, subject: Subject, move: Move) -> Iterator[Change]:
    """The edits of the policy stage by stage, and what a policy of the root namespace gets beside it. Raises Refused."""
    if subject.is_root:
        yield from _of_root(mesh, subject, move)
        return
    if edits := tuple(_admitting(subject, move.own)):
        yield _agreed(_edit(mesh, subject, Stage.policies, edits, ADMITTED), subject, move)
    if ztunnel.is_dry_run(subject.policy.body) or subject.action in {"CUSTOM", "AUDIT"}:
        yield from _replaced(mesh, subject, move)
        return
    if edits := tuple(_swapping(subject, move)):
        yield _closing(mesh, subject, Stage.swap, edits, move)
    if edits := tuple(_opened(subject, move)):
        change = _agreed(_edit(mesh, subject, Stage.enroll, edits, guard.CLOSED), subject, move)
        because, sources = (*change.because, *move.opening.settled), (*change.sources, *move.opening.sources)
        yield replace(change, because=because, sources=sources)
    yield from _retired(mesh, subject, move)


# --- the waypoint is let through ------------------------------------------------------------------------------------


def _admitting(subject: Subject, own: tuple[str, ...]) -> Iterator[Edit]:
    policy = subject.policy.body
    rules = policy.spec.rules or ()
    if subject.action == "ALLOW" and rules and not ztunnel.is_dry_run(policy):
        missing = [each for each in own if not classify.admits(policy, each)]
        if missing:
            yield Set(("spec", "rules", len(rules)), {"from": [{"source": {"principals": missing}}]})
    elif subject.action == "DENY":
        for number, rule in enumerate(rules):
            yield from _excepting(rule, ("spec", "rules", number), own, apart=number in subject.about)


def _excepting(rule: Rule, base: Route, own: tuple[str, ...], *, apart: bool) -> Iterator[Edit]:
    """The waypoints out of a DENY by the caller's identity: what their callers may, the copy there decides (A09).

    `apart` writes a condition of its own, since an L4 field in a source about tokens would be all that ztunnel reads of it.
    """
    met = [each for each in own if classify.meets(rule, each)]
    if not met or not classify.names_callers(rule):
        return
    if apart or not rule.from_ or any(each.source is None or _names_accounts(each.source) for each in rule.from_):
        yield Set((*base, "when", len(rule.when)), {"key": "source.principal", "notValues": met})
        return
    for number, each in enumerate(rule.from_):
        known = len(each.source.not_principals) if each.source else 0
        wanted = [principal for principal in met if classify.source_meets(each.source, principal)]
        route: Route = (*base, "from", number, "source", "notPrincipals")
        yield from (Set((*route, known + i), principal) for i, principal in enumerate(wanted))


def _names_accounts(source: Source) -> bool:
    """Whether the CRD lets no principals stand beside what a source names (1.25+)."""
    return bool(source.service_accounts or source.not_service_accounts)


# --- swap and retire ------------------------------------------------------------------------------------------------


def _swapping(subject: Subject, move: Move) -> Iterator[Edit]:
    """What ztunnel would read too widely is made plain to sidecars only, and the direct way is closed."""
    policy = subject.policy.body
    rules = policy.spec.rules or ()
    if subject.action != "DENY":
        return
    closing = guard.placed(policy, move.own)
    for effect in ztunnel.effects(policy):
        if effect.l7 and not effect.inert and effect.index not in closing:
            base: Route = ("spec", "rules", effect.index, "when")
            added = {each.route[4] for each in _admitting(subject, move.own) if each.route[:4] == base}
            yield Set((*base, len(rules[effect.index].when) + len(added)), SIDECARS_ONLY)
    if move.guard is not None and not closing:
        for number, each in enumerate(move.guard.rules(early=True), len(rules)):
            yield Set(("spec", "rules", number), each)
        yield from openings.marked(move.opening)


def _retired(mesh: Mesh, subject: Subject, move: Move) -> Iterator[Change]:
    """The rules for sidecars go; the policy does, too, if nothing is left of it."""
    policy = subject.policy.body
    known = guard.placed(policy, move.own)
    gone = [each for each in subject.about if each not in known]
    late, adds = guard.late(policy, move.own), 0
    if move.guard is not None and not known:
        adds, first = len(move.guard.closings), len(policy.spec.rules or ())
        late = tuple(Delete(guard.token(each)) for each in range(first, first + adds))
    edits: list[Edit] = [*late, *(Delete(("spec", "rules", each)) for each in reversed(gone))]
    stays = len(policy.spec.rules or ()) - len(gone) + adds
    admitted = subject.action == "ALLOW" and any(True for _ in (*_admitting(subject, move.own), *_opened(subject, move)))
    if edits and stays + admitted:
        yield _agreed(_edit(mesh, subject, Stage.retire, tuple(edits), RETIRED), subject, move)
    elif gone:
        yield _delete(mesh, subject, Stage.retire)


def _opened(subject: Subject, move: Move) -> Iterator[Edit]:
    """What an ALLOW lets past the waypoint from the moment on at which its pods are ambient."""
    if subject.action != "ALLOW" or ztunnel.is_dry_run(subject.policy.body):
        return
    first = len(subject.policy.body.spec.rules or ()) + len(tuple(_admitting(subject, move.own)))
    if edits := tuple(openings.added(subject, move.opening, first)):
        yield from (*edits, *openings.marked(move.opening))


def _replaced(mesh: Mesh, subject: Subject, move: Move) -> Iterator[Change]:
    """A policy that ztunnel is never sent (or, in dry run before 1.25.2, must not be) goes; its guard stands apart."""
    if move.guard is not None:
        yield from _guarded(mesh, subject, move, move.guard)
    enforced = ztunnel.is_dry_run(subject.policy.body) and not at_least(mesh.target.istio, "1.25.2")
    yield _delete(mesh, subject, Stage.swap if enforced else Stage.retire)


def _guarded(mesh: Mesh, subject: Subject, move: Move, closing: Guard) -> Iterator[Change]:
    for stage, ref, action, known in guard_apart.apart(mesh, subject, closing, move.opening.temporary, move.last):
        yield _change(mesh, subject, stage, (ref, action, known), move)


# --- policies of the root namespace ---------------------------------------------------------------------------------


def _of_root(mesh: Mesh, subject: Subject, move: Move) -> Iterator[Change]:
    """They hold for other namespaces, too, so they stay; what this namespace needs is said by policies of its own."""
    policy = subject.policy.body
    rules = policy.spec.rules or ()
    if subject.action == "DENY" and not ztunnel.is_dry_run(policy):
        _check_root(subject, move.own)
    if subject.action == "ALLOW" and rules and not ztunnel.is_dry_run(policy):
        missing = [each for each in move.own if not classify.admits(policy, each)]
        if missing and not entry.is_there(mesh, subject, missing):
            yield entry.create(mesh, subject, missing)
    if move.guard is not None:
        yield from _guarded(mesh, subject, move, move.guard)


def _check_root(subject: Subject, own: tuple[str, ...]) -> None:
    rules = subject.policy.body.spec.rules or ()
    for effect in ztunnel.effects(subject.policy.body):
        rule, route = rules[effect.index], ("spec", "rules", effect.index)
        met = next((each for each in own if classify.meets(rule, each)), None)
        if met and classify.names_callers(rule):
            raise Refused(
                "root", route, f"it also means the waypoint {met} as a caller, so all calls through it would be refused"
            )
        if effect.l7 and not effect.inert:
            reason = f"ztunnel refuses more than rule {effect.index + 1} says, since it leaves out {', '.join(effect.l7)}"
            raise Refused("root", route, reason)


# --- changes --------------------------------------------------------------------------------------------------------


def _edit(mesh: Mesh, subject: Subject, stage: Stage, edits: tuple[Edit, ...], because: str) -> Change:
    policy = subject.policy
    return Change(stage, subject.namespace, mesh.name, policy.ref, edits, policy, (because,), (policy.at(),))


def _agreed(change: Change, subject: Subject, move: Move) -> Change:
    """The change of an ALLOW with what was agreed to: it closes the direct way by itself, since ztunnel drops its rules."""
    if subject.action != "ALLOW" or not move.account.differences:
        return change
    witness = next((each.witness for each in move.account.differences), None)
    because = tuple(dict.fromkeys((*change.because, guard.CLOSED, *(each.id for each in move.account.differences))))
    return replace(change, verdict="differs", because=because, witness=witness, notes=openings.notes(subject, move.opening))


def _delete(mesh: Mesh, subject: Subject, stage: Stage) -> Change:
    policy = subject.policy
    return Change(stage, subject.namespace, mesh.name, policy.ref, None, policy, (RETIRED,), (policy.at(),))


def _closing(mesh: Mesh, subject: Subject, stage: Stage, edits: tuple[Edit, ...], move: Move) -> Change:
    if move.guard is None:
        return _edit(mesh, subject, stage, edits, RETIRED)
    return _change(mesh, subject, stage, (subject.policy.ref, edits, subject.policy), move)


def _change(mesh: Mesh, subject: Subject, stage: Stage, what: tuple[Ref, Any, Resource[Any] | None], move: Move) -> Change:
    """A change that closes the direct way, with the difference that was agreed to."""
    ref, action, known = what
    witness = next((each.witness for each in move.account.differences), None)
    verdict = "differs" if move.account.differences else "exact"
    sources = (subject.policy.at(),)
    because = tuple(dict.fromkeys((guard.CLOSED, *(each.id for each in move.account.differences))))
    return Change(
        stage,
        subject.namespace,
        mesh.name,
        ref,
        action,
        known,
        because,
        sources,
        verdict,
        None,
        witness,
        openings.notes(subject, move.opening),
    )
