"""What is not as the recorded plan expects: steps out of order, objects changed, namespaces new, gone, held or free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.model import Target, grouped
from ambimigrate.plan.recorded import RecordedChange, RecordedPlan, RecordedStep
from ambimigrate.status import live
from ambimigrate.status.steps import Judged, Seen
from ambimigrate.status.values import Drift
from ambimigrate.status.work import Work, takes_part
from ambimigrate.topology import injection, reach

ANEW = "record it anew with `ambimigrate plan --record`"
_TARGET = {"istio": "Istio", "gateway_api": "Gateway API", "channel": "channel", "platform": "platform"}
_MOST = 3
_VERBS = {"create": "missing", "edit": "not changed", "delete": "still there"}


def of_target(plan: RecordedPlan, target: Target) -> Iterator[Drift]:
    """The plan was made for another version."""
    for key, word in _TARGET.items():
        then, now = plan.target.get(key), getattr(target, key)
        if then is not None and now is not None and then != str(now):
            yield Drift("target", f"the plan is for {word} {then}, and this is {word} {now}: {ANEW}")


def of_mesh(work: Work) -> Drift:
    """The plan is of other meshes."""
    text = "no plan is recorded for this mesh: `ambimigrate plan --record` for all meshes keeps one"
    return Drift("new", text, work.mesh.name)


def of_steps(work: Work, found: tuple[Seen, ...]) -> Iterator[Drift]:
    """Steps that were left out or undone, and objects that are otherwise than a step made them."""
    for number, each in enumerate(found):
        later = next((one for one in found[number + 1 :] if one.there), None)
        if each.is_broken and (later or each.lost):
            yield from _broken(work, each, later)
        yield from (_otherwise(work, each.step, one) for one in each.otherwise)


def _broken(work: Work, seen: Seen, later: Seen | None) -> Iterator[Drift]:
    step, name = seen.step, f"step {seen.step.id} ({_what(seen.step)})"
    lost = grouped((change.namespace, f"{change.object.ref}: {text}") for change, text in seen.lost)
    for namespace, texts in lost.items():
        yield Drift("undone", f"{name} was undone: {_some(texts)}", work.mesh.name, namespace, step.id)
    if not later:
        return
    if seen.is_open:
        yield Drift("skipped", f"{name} was skipped or undone, and {later.step.id} is there", work.mesh.name, "", step.id)
    kind, how = ("undone", "was undone in part") if seen.there else ("skipped", "was skipped or undone")
    left = grouped((each.namespace, f"{each.object.ref} is {_VERBS[each.action]}") for each in seen.left)
    for namespace, texts in left.items():
        text = f"{name} {how}, and {later.step.id} is there: {_some(texts)}"
        yield Drift(kind, text, work.mesh.name, namespace, step.id)
    for namespace in step.namespaces if seen.restarts else ():
        for text in live.restarts(work.mesh, namespace):
            said = f"{name} is not finished, and {later.step.id} is there: {text}"
            yield Drift("skipped", said, work.mesh.name, namespace, step.id)


def _what(step: RecordedStep) -> str:
    return step.stage or step.title


def _some(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return "; ".join(texts[:_MOST]) + more


def _otherwise(work: Work, step: RecordedStep, judged: Judged) -> Drift:
    change, said = judged
    text = f"{change.object.ref} differs from what step {step.id} makes: {said}"
    return Drift("otherwise", text, work.mesh.name, change.namespace, step.id)


def of_namespaces(work: Work, plan: RecordedPlan) -> Iterator[Drift]:
    """Namespaces that the plan does not know, that are gone, held now, or free now."""
    name = work.mesh.name
    known = _known(plan, name)
    here = injection.namespaces(work.mesh)
    for each in here:
        if each not in known and (work.pending.get(each) or work.holding.get(each) or _has_sidecars(work, each)):
            yield Drift("new", _new(work, each), name, each)
    held = {each.namespace: each.because for each in plan.held if each.mesh == name}
    for each in known:
        if each not in here:
            if not work.mesh.scope or each in work.mesh.scope:
                yield Drift("gone", f"namespace {each} of the plan is gone", name, each)
        elif each in held and not work.holding.get(each):
            yield Drift("free", f"namespace {each} was held, and is no longer: {ANEW}", name, each)
        elif each not in held and (reason := work.hold(each)):
            yield Drift("held", f"namespace {each} is held now: {reason}", name, each)


def _new(work: Work, namespace: str) -> str:
    """A namespace that was ambient before the plan was made has no wave of its own: convert does what is left of it."""
    shown, first = namespace or "(none given)", work.first(namespace)
    if first is None or not work.path or injection.mode(work.mesh, namespace) != injection.AMBIENT:
        return f"namespace {shown} is not in the plan: {ANEW}"
    return f"namespace {shown} is ambient, and the plan leaves out its stage {first.name}: {work.command(first, (namespace,))}"


def _known(plan: RecordedPlan, mesh: str) -> tuple[str, ...]:
    waves = [(wave, step) for wave, step in plan.steps(mesh)]
    named = [name for wave, step in waves for name in (*wave.namespaces, *step.namespaces)]
    return tuple(sorted({*named, *(each.namespace for each in plan.held if each.mesh == mesh)}))


def _has_sidecars(work: Work, namespace: str) -> bool:
    mode = injection.mode(work.mesh, namespace)
    return mode in {injection.SIDECAR, injection.MIXED} and takes_part(work.mesh, namespace)


def more(work: Work, plan: RecordedPlan) -> Iterator[Drift]:
    """Changes that convert would make and no step of the plan has: the input is another than when it was recorded."""
    planned = _planned(plan, work.mesh.name)
    if not planned:
        return
    for name, changes in work.pending.items():
        found = [each for each in changes if (each.stage.name, each.ref, each.verb) not in planned]
        if found and name in _known(plan, work.mesh.name):
            said = reach.listed((f"{each.ref} ({each.stage.name})" for each in found), _MOST)
            yield Drift("more", f"the plan does not have what is to be done for {said}: {ANEW}", work.mesh.name, name)


def _planned(plan: RecordedPlan, mesh: str) -> Mapping[object, RecordedChange]:
    """All changes of the plan; none for one that lists no changes."""
    return {(step.stage, each.object.ref, each.action): each for _, step in plan.steps(mesh) for each in step.changes}
