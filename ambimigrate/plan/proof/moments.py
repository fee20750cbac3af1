"""A plan as the proof follows it: moments one after the other, each with what it changes and whose pods it restarts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Stage
from ambimigrate.model import grouped
from ambimigrate.plan.values import Step, Wave

_AHEAD = frozenset({Stage.waypoints, Stage.policies, Stage.bind})
_OF_POLICIES = frozenset({Stage.policies, Stage.swap})


class Moment(Struct, frozen=True, eq=False):
    """A step, by its id; several steps that share one window are one moment."""

    id: str
    stages: frozenset[Stage]
    changes: tuple[Change, ...] = ()
    enrolls: frozenset[str] = frozenset()

    @property
    def is_ahead(self) -> bool:
        """Whether it may be done for everybody before anybody moves."""
        return bool(self.stages) and self.stages <= _AHEAD


Moments = tuple[Moment, ...]


class Order(Struct, frozen=True):
    """An order of the same steps, and what it is called."""

    name: str
    moments: Moments
    is_possible: bool = True  # whether the steps can be done so, or are only judged so


def blocks(waves: Iterable[Wave]) -> tuple[Moments, ...]:
    """The steps of a plan in their order, wave by wave; one of two commits is two moments."""
    return tuple(tuple(part for step in wave.steps for part in _commits(_moment(step))) for wave in waves)


def whole(waves: Iterable[Wave], found: tuple[Moments, ...]) -> Moments:
    """The steps of a plan in their order, each as one moment."""
    parts = grouped((one.id, one) for one in flat(found))
    steps = [step for wave in waves for step in wave.steps]
    return tuple(parts[step.id][0] if len(parts[step.id]) == 1 else _moment(step) for step in steps)


def _commits(found: Moment) -> Iterator[Moment]:
    """What is new comes first, what is deleted in a commit of its own."""
    gone = tuple(change for change in found.changes if change.verb == "delete")
    if gone and any(change.verb == "create" for change in found.changes):
        left = tuple(change for change in found.changes if change.verb != "delete")
        yield Moment(found.id, found.stages, left, found.enrolls)
        yield Moment(found.id, found.stages, gone)
    else:
        yield found


def _moment(step: Step) -> Moment:
    stages = {change.stage for change in step.changes} | ({step.stage} if step.stage else set())
    enrolls = {*step.enrolls, *(change.namespace for change in step.changes if change.stage is Stage.enroll)}
    return Moment(step.id, frozenset(stages), step.changes, frozenset(enrolls))


def others(found: tuple[Moments, ...], torn: Collection[str]) -> Iterator[Order]:
    """The orders of the same steps that a plan is compared with; `torn` are the ids of the steps with gaps."""
    return (each for each in _others(found, torn) if each.moments != flat(found))


def _others(found: tuple[Moments, ...], torn: Collection[str]) -> Iterator[Order]:
    first = tuple(one for block in found for one in block if not _moves(block) or one.is_ahead)
    moving = [tuple(one for one in block if not one.is_ahead) for block in found if _moves(block)]
    yield Order("waypoints and bindings of all namespaces first", (*first, *flat(moving)))
    yield Order("servers before clients", (*first, *flat(reversed(moving))))
    yield Order("old policies give way after the pods moved", flat(_late(each, Stage.swap, Stage.enroll) for each in found))
    yield Order("bound only when old policies gave way", flat(_late(each, Stage.bind, Stage.swap) for each in found))
    if len(moving) > 1:
        yield Order("all namespaces in one window", (*first, *_together(moving)), is_possible=False)
    apart = frozenset(one for one in flat(found) if len(one.enrolls) > 1 and one.id in torn)
    if apart:
        judged = {change.namespace for one in flat(found) for change in one.changes if change.stage in _OF_POLICIES}
        for name, key in (
            ("of each window, namespaces without rules of their own first", lambda each: (each in judged, each)),
            ("of each window, one namespace after the other by name", lambda each: (False, each)),
            ("of each window, the last name first", lambda each: (False, [-ord(one) for one in each])),
        ):
            yield Order(name, tuple(part for one in flat(found) for part in (_apart(one, key) if one in apart else (one,))))


def flat(blocks: Iterable[Moments]) -> Moments:
    """The moments one after the other."""
    return tuple(one for block in blocks for one in block)


def _moves(block: Moments) -> bool:
    return any(one.enrolls for one in block)


def _late(block: Moments, what: Stage, after: Stage) -> Moments:
    """The moments of one stage put behind those of another, where there are such."""
    moved = tuple(one for one in block if one.stages == {what})
    places = [number for number, one in enumerate(block) if after in one.stages or (after is Stage.enroll and one.enrolls)]
    if not moved or not places or block.index(moved[0]) > places[-1]:
        return block
    left = tuple(one for one in block[: places[-1] + 1] if one not in moved)
    return (*left, *moved, *block[places[-1] + 1 :])


def _together(moving: list[Moments]) -> Iterator[Moment]:
    """What prepares the move of every namespace, then all moves at once, then the rest."""
    every = flat(moving)
    last = max(number for number, one in enumerate(every) if one.enrolls)
    window = [one for one in every if one.enrolls]
    before = [one for one in every[:last] if not one.enrolls and Stage.swap in one.stages]
    yield from before
    yield Moment(
        ", ".join(one.id for one in window),
        frozenset({Stage.enroll}),
        tuple(change for one in window for change in one.changes),
        frozenset(name for one in window for name in one.enrolls),
    )
    yield from (one for one in every if not one.enrolls and one not in before)


def _apart(one: Moment, key: Callable[[str], tuple[bool, Any]]) -> Iterator[Moment]:
    """The window of several namespaces as one for each."""
    for name in sorted(one.enrolls, key=key):
        own = tuple(each for each in one.changes if each.namespace == name)
        yield Moment(one.id, one.stages, own, frozenset({name}))
