"""The steps of the recorded plan, one by one, against the mesh: what of each is there, what is left, what was lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import Struct

from ambimigrate.changes import Stage
from ambimigrate.model import Ref, grouped
from ambimigrate.plan import install
from ambimigrate.plan.recorded import RecordedChange, RecordedObject, RecordedPlan, RecordedStep
from ambimigrate.status import live, objects
from ambimigrate.status.work import Work

DONE, HALF, OPEN, UNSEEN = "done", "half", "open", "unseen"
_WAITING = "Wait for "  # the title of the step that stands for an installation that is not ready everywhere
_INSTALLED = "Switch ambient mode on"

Judged = tuple[RecordedChange, str]  # and what the object is instead


class Seen(Struct, frozen=True):
    """A step as the mesh shows it.

    `left` are changes that convert would still make, or would if nothing held it; `lost` those that were made and are
    gone, as nothing makes them again; `otherwise` objects in which somebody changed what the step made.
    """

    step: RecordedStep
    there: tuple[RecordedChange, ...] = ()
    left: tuple[RecordedChange, ...] = ()
    lost: tuple[Judged, ...] = ()
    otherwise: tuple[Judged, ...] = ()
    restarts: tuple[str, ...] = ()  # pods that are not restarted yet
    unconfirmed: tuple[str, ...] = ()  # what istiod has not confirmed
    is_unseen: bool = False

    @property
    def stage(self) -> Stage | None:
        return Stage[self.step.stage] if self.step.stage else None

    @property
    def state(self) -> str:
        """done, half, open or unseen."""
        if self.is_unseen:
            return UNSEEN
        missing = self.left or self.lost
        if missing:
            return HALF if self.there else OPEN
        return HALF if self.restarts or self.unconfirmed else DONE

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The namespaces in which something of it is missing."""
        found = (*(each.namespace for each in self.left), *(each.namespace for each, _ in self.lost))
        return tuple(dict.fromkeys(found)) or self.step.namespaces

    @property
    def is_broken(self) -> bool:
        """Whether something of it is not in place, whatever istiod has confirmed."""
        return bool(self.left or self.lost or self.restarts) and not self.is_unseen


def seen(work: Work, plan: RecordedPlan) -> tuple[Seen, ...]:
    """The steps of the mesh in their order."""
    mine = tuple(step for _, step in plan.steps(work.mesh.name))
    titles = None if work.mesh.source == "files" else frozenset(each.title for each in install.steps(work.mesh))
    later = _by_object(mine)
    return tuple(
        _staged(work, step, partial(_after, later, number)) if step.stage else _install(step, titles)
        for number, step in enumerate(mine)
    )


Later = Mapping[Ref, tuple[tuple[int, RecordedChange], ...]]


def _by_object(steps: tuple[RecordedStep, ...]) -> Later:
    return grouped((each.object.ref, (number, each)) for number, step in enumerate(steps) for each in step.changes)


def _after(found: Later, number: int, change: RecordedChange) -> tuple[RecordedChange, ...]:
    """What later steps do to the same object."""
    return tuple(each for at, each in found.get(change.object.ref, ()) if at > number)


def _install(step: RecordedStep, titles: frozenset[str] | None) -> Seen:
    """A step in which no file of the mesh changes: only a cluster shows whether it is done."""
    if titles is None or step.namespaces:
        return Seen(step, is_unseen=True)
    waiting = tuple(each for each in titles if each.startswith(_WAITING)) if step.title.startswith(_INSTALLED) else ()
    if step.title in titles or waiting:
        return Seen(step, unconfirmed=waiting or (f"{step.title}: not done yet",))
    return Seen(step)


def _staged(work: Work, step: RecordedStep, later: partial[tuple[RecordedChange, ...]]) -> Seen:
    stage = Stage[step.stage or ""]
    if not step.changes:
        return _unlisted(work, step, stage)
    there: list[RecordedChange] = []
    left: list[RecordedChange] = []
    lost: list[Judged] = []
    otherwise: list[Judged] = []
    for change in step.changes:
        following = later(change)
        if work.wants(change.namespace, stage, change.object.ref, change.action):
            left.append(change)
        elif _is_there(work, change) or _is_replaced(work, following):
            there.append(change)
            if change.action == "create" and (said := objects.differing(work.mesh, change, following)):
                otherwise.append((change, said))
        elif stage > Stage.prepare and work.holding.get(change.namespace):
            left.append(change)
        elif objects.is_otherwise(work.mesh, change):
            there.append(change)
            otherwise.append((change, objects.edits_differing(work.mesh, change)))
        else:
            lost.append((change, _lost(work, change)))
    is_made = not left and not lost
    names = tuple(dict.fromkeys((*step.namespaces, *(each.namespace for each in step.changes))))
    return Seen(
        step,
        tuple(there),
        tuple(left),
        tuple(lost),
        tuple(otherwise),
        tuple(_restarts(work, names)) if is_made and stage is Stage.enroll else (),
        tuple(live.unconfirmed(work.mesh, stage, names)) if is_made else (),
    )


def _restarts(work: Work, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield from (f"{name}: {each}" for each in live.restarts(work.mesh, name))


def _is_there(work: Work, change: RecordedChange) -> bool:
    if change.action == "create" and not objects.is_readable(work.mesh, change):
        return True
    return objects.is_there(work.mesh, change)


def _is_replaced(work: Work, later: tuple[RecordedChange, ...]) -> bool:
    """Whether a later step has done something else with the object."""
    return any(each.action != "create" and objects.is_there(work.mesh, each) for each in later)


def _lost(work: Work, change: RecordedChange) -> str:
    match change.action:
        case "create":
            return "is gone"
        case "delete":
            return "is there again"
    return objects.edits_differing(work.mesh, change)


def _unlisted(work: Work, step: RecordedStep, stage: Stage) -> Seen:
    """A step of a plan that does not list its changes: what convert would still do at its stage is left."""
    names = tuple(each for each in step.namespaces if any(one.stage is stage for one in work.pending.get(each, ())))
    held = tuple(each for each in step.namespaces if work.holding.get(each))
    if names or held:
        return Seen(step, left=tuple(_anything(each) for each in names or held))
    return Seen(step, restarts=tuple(_restarts(work, step.namespaces)) if stage is Stage.enroll else ())


def _anything(namespace: str) -> RecordedChange:
    return RecordedChange("edit", RecordedObject("Namespace", "", "", namespace), namespace)
