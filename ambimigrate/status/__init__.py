"""How far a move is: the mesh as it is now against the recorded plan, and what the next safe step is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Stage
from ambimigrate.model import Target, grouped
from ambimigrate.plan.recorded import RecordedPlan
from ambimigrate.status import drift, live, traces, upcoming
from ambimigrate.status.ahead import compared
from ambimigrate.status.steps import DONE, Seen, seen
from ambimigrate.status.upcoming import ALL_DONE, SHOWN_DONE
from ambimigrate.status.values import Drift, Next, Progress, Standing, Status, named
from ambimigrate.status.work import Work, takes_part, works
from ambimigrate.topology import injection

NO_PLAN = "there is no recorded plan: `ambimigrate plan --record` keeps one, with the order of the namespaces"


DONES = frozenset({ALL_DONE, SHOWN_DONE})


class _Progress(Struct, frozen=True, eq=False):
    """The steps of one mesh, those of each namespace, and what drifted there."""

    work: Work
    steps: tuple[Seen, ...]
    drift: tuple[Drift, ...]
    of: Mapping[str, tuple[Seen, ...]]
    drift_of: Mapping[str, tuple[Drift, ...]]


def status(found: tuple[Work, ...], plan: RecordedPlan | None, target: Target) -> Status:
    """The status of all meshes."""
    if plan is None:
        return _without_plan(found)
    others = tuple(work for work in found if plan.meshes and work.mesh.name not in plan.meshes)
    found = tuple(work for work in found if work not in others)
    every = tuple(_progress(work, plan) for work in found)
    unplanned = (drift.of_mesh(work) for work in others if work.pending or work.holding)
    drifted = (*drift.of_target(plan, target), *unplanned, *(each for one in every for each in one.drift))
    standings = tuple(_standing(one, name) for one in every for name in _names(one, plan))
    standings += tuple(each for work in others if not found for each in _unplanned(work))
    answers = [upcoming.of_plan(one.work, one.steps) for one in every]
    following = next((each for each, _ in answers if each), None)
    told = dict.fromkeys(text for _, text in answers)
    why = "" if following else "; ".join(text for text in told if text not in DONES) or _all_done(told, found)
    steps = tuple(_shown(one.work.mesh.name, each) for one in every for each in one.steps)
    return Status(standings, drifted, steps, following, why)


def _all_done(told: Iterable[str], found: tuple[Work, ...]) -> str:
    held = sum(len(each.holding) for each in found)
    text = next((each for each in told if each != ALL_DONE), ALL_DONE)
    return f"{text}; {held} namespace{'s are' if held > 1 else ' is'} held" if held else text


def _progress(work: Work, plan: RecordedPlan) -> _Progress:
    steps = seen(work, plan)
    drifted = tuple(_drift(work, steps, plan))
    pairs = ((name, each) for each in steps for name in dict.fromkeys(_concerned(each)))
    return _Progress(work, steps, drifted, grouped(pairs), grouped((each.namespace, each) for each in drifted))


def _concerned(seen: Seen) -> Iterator[str]:
    """The namespaces that a step is about."""
    yield from (each.namespace for each in seen.step.changes)
    yield from seen.step.namespaces if not seen.step.changes else ()


def _drift(work: Work, found: tuple[Seen, ...], plan: RecordedPlan) -> Iterator[Drift]:
    yield from drift.of_steps(work, found)
    yield from drift.of_namespaces(work, plan)
    yield from drift.more(work, plan)


def _shown(mesh: str, found: Seen) -> Progress:
    step = found.step
    return Progress(step.id, mesh, step.title, step.stage, step.namespaces, found.state)


def _names(found: _Progress, plan: RecordedPlan) -> tuple[str, ...]:
    """The namespaces of the mesh, and those that the plan is about."""
    mesh = found.work.mesh
    here = {name for name in injection.namespaces(mesh) if _is_shown(found.work, name)}
    waves = {name for wave in plan.waves if wave.mesh == mesh.name for name in wave.namespaces}
    planned = {name for name in found.of.keys() | waves if not mesh.scope or name in mesh.scope}
    return tuple(sorted(here | planned))


def _is_shown(work: Work, name: str) -> bool:
    return bool(work.pending.get(name) or work.holding.get(name)) or takes_part(work.mesh, name)


def _standing(found: _Progress, name: str) -> Standing:
    """One namespace, by the steps that are about it."""
    work = found.work
    place, own, concerned = (work.mesh.name, name), found.drift_of.get(name, ()), found.of.get(name, ())
    if name not in injection.namespaces(work.mesh):
        return Standing(*place, named(None), False, drift=own, why="it is gone")
    half = tuple(
        dict.fromkeys((*(text for each in concerned for text in _half(work, each, name)), *live.restarts(work.mesh, name)))
    )
    step = next((each for each in concerned if upcoming.is_open(each) and name in each.unfinished), None)
    held = work.hold(name)
    is_free = not held or (step is not None and step.stage is Stage.prepare)
    following = upcoming.of_step(work, step, found.steps) if step and is_free else None
    is_done = not (step or held or work.pending.get(name) or half)
    why = "" if following else f"held: {held}" if held else "done" if is_done else _why(work, name)
    return Standing(*place, named(_reached(work, name, concerned)), is_done, half, own, following, why)


def _why(work: Work, name: str) -> str:
    return "not in the plan, see below" if work.pending.get(name) else "its pods are not all as its labels say"


def _reached(work: Work, name: str, concerned: tuple[Seen, ...]) -> Stage | None:
    """The last stage of the plan that is there, with all before it; without a plan for it, what its objects show."""
    if not concerned:
        return traces.reached(work, name)
    last = None
    for each in concerned:
        missing = {*(one.namespace for one in each.left), *(one.namespace for one, _ in each.lost)}
        if name in missing:
            break
        last = each.stage
    return last


def _half(work: Work, found: Seen, name: str) -> Iterator[str]:
    """What is half done of a step, for one namespace."""
    left = [each for each in (*found.left, *(one for one, _ in found.lost)) if each.namespace == name]
    total = [*left, *(each for each in found.there if each.namespace == name)]
    if left and len(left) < len(total):
        yield f"step {found.step.id} ({found.step.stage}): {len(left)} of {len(total)} changes are left"
    if not left and found.unconfirmed and found.stage:
        yield from live.unconfirmed(work.mesh, found.stage, (name,))


def _without_plan(found: tuple[Work, ...]) -> Status:
    """The stage of each namespace, and the first that is left."""
    standings = tuple(_alone(work, name) for work in found for name in injection.namespaces(work.mesh) if _is_shown(work, name))
    stages = {stage for work in found for name in work.pending if (stage := work.first(name))}
    if not standings:
        return Status(standings, why="no namespace of a mesh was read")
    if not stages:
        held = any(work.holding for work in found)
        return Status(standings, why="what is left is held: `ambimigrate scan` says why" if held else "nothing is left to do")
    first = min(stages)
    work = next(each for each in found if any(each.first(name) is first for name in each.pending))
    names = tuple(sorted(name for name in work.pending if work.first(name) is first))
    return Status(standings, next=upcoming.of_stage(work, first, names))


def _unplanned(work: Work) -> Iterator[Standing]:
    """The namespaces of a mesh of which no plan is recorded: how far they are, and nothing to do."""
    for each in (_alone(work, name) for name in injection.namespaces(work.mesh) if _is_shown(work, name)):
        yield replace(each, next=None, why="done" if each.done else "no plan of its mesh, see below")


def _alone(work: Work, name: str) -> Standing:
    first, held = work.first(name), work.hold(name)
    stage, half = traces.reached(work, name), tuple(live.restarts(work.mesh, name))
    following = upcoming.of_stage(work, first, (name,)) if first else None
    is_done = not (first or held or half)
    why = "" if following else f"held: {held}" if held else "done" if is_done else "its pods are not all as its labels say"
    return Standing(work.mesh.name, name, named(stage), is_done, half, (), following, why)


__all__ = ["ALL_DONE", "DONE", "NO_PLAN", "Next", "Status", "compared", "status", "works"]
