"""The steps of the recorded plan, one by one, against the mesh: what of each is there, what is left, what was lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import Struct

from ambimigrate.changes import Stage
from ambimigrate.model import Ref, Route, grouped
from ambimigrate.plan import install
from ambimigrate.plan.recorded import RecordedChange, RecordedObject, RecordedPlan, RecordedStep
from ambimigrate.status import live, objects
from ambimigrate.status.work import Work
from ambimigrate.topology import injection

DONE, HALF, OPEN, UNSEEN = "done", "half", "open", "unseen"
_WAITING, _INSTALLED = "Wait for", "Switch ambient"  # the beginnings of titles: what is installed may not be ready everywhere

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
    is_open: bool = False  # of a step in which no object of the mesh changes

    @property
    def stage(self) -> Stage | None:
        return Stage[self.step.stage] if self.step.stage else None

    @property
    def state(self) -> str:
        """done, half, open or unseen."""
        if self.is_unseen:
            return UNSEEN
        if self.is_open:
            return OPEN
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
        return bool(self.left or self.lost or self.restarts or self.is_open)


def seen(work: Work, plan: RecordedPlan) -> tuple[Seen, ...]:
    """The steps of the mesh in their order."""
    mine = tuple(step for _, step in plan.steps(work.mesh.name))
    titles = None if work.mesh.source == "files" else frozenset(each.title for each in install.steps(work.mesh))
    following, waiting, elsewhere = _by_object(mine), _Waiting({}), _elsewhere(work, mine)
    return tuple(
        _staged(work, step, partial(_after, following, number), waiting, elsewhere) if step.stage else _install(step, titles)
        for number, step in enumerate(mine)
    )


class _Waiting(Struct, frozen=True):
    """The changes of the steps so far that are not there: later ones that build on them only seem to be."""

    known: dict[Ref, list[RecordedChange]]

    def add(self, change: RecordedChange) -> None:
        self.known.setdefault(change.object.ref, []).append(change)

    def has(self, change: RecordedChange) -> bool:
        """Whether the change builds on one of them."""
        return any(_builds(change, each) for each in self.known.get(change.object.ref, ()))


def _builds(change: RecordedChange, on: RecordedChange) -> bool:
    """Whether a change presupposes another of the same object: it is made by it, or a field of it is."""
    if on.action == "create":
        return True
    return any(_overlap(one.route, other.route) for one in change.edits for other in on.edits)


def _overlap(one: Route, other: Route) -> bool:
    return one[: len(other)] == other[: len(one)]


Later = Mapping[Ref, tuple[tuple[int, RecordedChange], ...]]


def _by_object(steps: tuple[RecordedStep, ...]) -> Later:
    return grouped((each.object.ref, (number, each)) for number, step in enumerate(steps) for each in step.changes)


def _elsewhere(work: Work, steps: tuple[RecordedStep, ...]) -> frozenset[Ref]:
    """What the plan edits by commands: files never had it, so that only a cluster shows how it is."""
    changes = tuple(each for step in steps for each in step.changes if work.mesh.source == "files")
    kept = {each.object.ref for each in changes if each.action != "edit"}
    return frozenset(each.object.ref for each in changes if not objects.found(work.mesh, each)) - kept


def _after(found: Later, number: int, change: RecordedChange) -> tuple[RecordedChange, ...]:
    """What later steps do to the same object."""
    return tuple(each for at, each in found.get(change.object.ref, ()) if at > number)


def _install(step: RecordedStep, titles: frozenset[str] | None) -> Seen:
    """A step in which no object of the mesh changes: only a cluster shows whether it is done."""
    if titles is None or step.namespaces:
        return Seen(step, is_unseen=True)
    kinds = frozenset(map(_beginning, titles))
    if _beginning(step.title) in kinds:
        return Seen(step, is_open=True)
    waiting = _beginning(step.title) == _INSTALLED and _WAITING in kinds
    return Seen(step, unconfirmed=tuple(each for each in titles if each.startswith(_WAITING)) if waiting else ())


def _beginning(title: str) -> str:
    """What kind of step it is; the rest of its title names versions and agents."""
    return " ".join(title.split()[:2])


def _staged(
    work: Work,
    step: RecordedStep,
    later: partial[tuple[RecordedChange, ...]],
    waiting: _Waiting,
    elsewhere: frozenset[Ref],
) -> Seen:
    stage = Stage[step.stage or ""]
    if not step.changes:
        return _unlisted(work, step, stage)
    found: dict[str, list[Judged]] = {"there": [], "left": [], "lost": [], "otherwise": []}
    here = tuple(each for each in step.changes if _is_here(work, each) and each.object.ref not in elsewhere)
    if not here and (work.mesh.scope or work.mesh.source == "files"):
        return Seen(step, is_unseen=True)
    for change in here:
        for kind, said in _judged(work, change, stage, later(change), builds=waiting.has(change)):
            found[kind].append((change, said))
    for change, _ in found["left"]:
        waiting.add(change)
    is_made = not found["left"] and not found["lost"]
    names = tuple(dict.fromkeys((*step.namespaces, *(each.namespace for each in step.changes))))
    return Seen(
        step,
        tuple(each for each, _ in found["there"]),
        tuple(each for each, _ in found["left"]),
        tuple(found["lost"]),
        tuple(found["otherwise"]),
        tuple(_restarts(work, names)) if is_made and stage is Stage.enroll else (),
        tuple(live.unconfirmed(work.mesh, stage, names)) if is_made else (),
    )


def _is_here(work: Work, change: RecordedChange) -> bool:
    """Whether the change is about a namespace that is there and was read."""
    return change.namespace in injection.namespaces(work.mesh) or bool(objects.found(work.mesh, change))


def _judged(
    work: Work, change: RecordedChange, stage: Stage, later: tuple[RecordedChange, ...], *, builds: bool
) -> Iterator[tuple[str, str]]:
    """What has become of a change, and what is there instead."""
    mesh = work.mesh
    if builds or work.wants(change.namespace, stage, change.object.ref, change.action):
        yield "left", ""
    elif _is_there(work, change) or _is_replaced(work, later):
        yield "there", ""
        if change.action == "create" and (said := objects.differing(mesh, change, later)):
            yield "otherwise", said
    elif stage > Stage.prepare and work.holding.get(change.namespace):
        yield "left", ""
    elif objects.is_otherwise(mesh, change):
        yield "there", ""
        yield "otherwise", objects.edits_differing(mesh, change)
    else:
        yield "lost", _lost(work, change)


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
