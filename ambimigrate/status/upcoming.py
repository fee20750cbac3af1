"""What comes next: the first step of the recorded plan that is not done, or without a plan the first stage that is left."""

from __future__ import annotations

import shlex

from ambimigrate.changes import Stage
from ambimigrate.status import live
from ambimigrate.status.drift import ANEW
from ambimigrate.status.steps import DONE, UNSEEN, Seen
from ambimigrate.status.values import Next
from ambimigrate.status.work import Work

Answer = tuple[Next | None, str]  # what is next, or why nothing is
ALL_DONE = "all steps are done"
SHOWN_DONE = "all steps that the input shows are done"


def of_plan(work: Work, found: tuple[Seen, ...]) -> Answer:
    """The first step that is not done."""
    at = next((number for number, each in enumerate(found) if is_open(each)), None)
    if at is None:
        return None, SHOWN_DONE if any(each.state == UNSEEN for each in found) else ALL_DONE
    each = found[at]
    if each.lost and not each.left:
        gone = ", ".join(dict.fromkeys(str(change.object.ref) for change, _ in each.lost))
        return None, f"step {each.step.id} was undone: restore {gone} as git or a backup has it, or {ANEW}"
    free = [one for one in each.left if not work.hold(one.namespace) or each.stage is Stage.prepare]
    if each.left and not free:
        name = each.left[0].namespace
        return None, f"step {each.step.id} waits, since namespace {name} is held: {work.hold(name)}"
    return of_step(work, each, found), ""


def _before(found: tuple[Seen, ...]) -> tuple[str, ...]:
    """The steps that files do not show, unless what comes after them is done."""
    last = max((number for number, each in enumerate(found) if each.state != UNSEEN), default=-1)
    return tuple(f"{each.step.id} {each.step.title}" for each in found[last + 1 :])


def of_step(work: Work, seen: Seen, found: tuple[Seen, ...]) -> Next:
    """The step as what is to be done; where only restarts are left, those."""
    step, at = seen.step, next(number for number, each in enumerate(found) if each is seen)
    before = _before(found[:at])
    commands = step.commands
    if seen.restarts:
        commands = tuple(live.commands(work.mesh, step.namespaces))
    is_waiting = seen.unconfirmed and not seen.restarts
    if is_waiting:
        commands = ()
    return Next(
        f"Wait until the gate holds: {step.title}" if is_waiting else step.title,
        step.id,
        work.mesh.name,
        step.stage,
        commands,
        step.namespaces,
        before,
        step.gate,
    )


def is_open(seen: Seen) -> bool:
    """Whether something of the step is to be done, as far as the input shows."""
    return seen.state not in {DONE, UNSEEN}


def of_stage(work: Work, stage: Stage, namespaces: tuple[str, ...]) -> Next:
    """Without a plan: the stage, as long as its order does not matter, else how to get one."""
    title = f"Stage {stage.name}: {', '.join(each or '(none given)' for each in namespaces)}"
    if stage > Stage.bind or not work.path:
        command = shlex.join(("ambimigrate", "plan", *work.sources, *work.options, "--record"))
    else:
        command = work.command(stage, namespaces)
    return Next(title, "", work.mesh.name, stage.name, (command,), namespaces)
