"""The way back: which steps may be taken back alone, and which only once later ones are taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.plan.proof import pods
from ambimigrate.plan.proof.callees import Callee, Group
from ambimigrate.plan.proof.judge import REFUSED, UNAUDITED, UNENFORCED, Seen, State
from ambimigrate.plan.proof.walk import Case, Point, Track, points
from ambimigrate.yamlio.trees import Missing

CONFLICT = "conflict"  # a later step changes what the step has made
_BADNESS = (UNENFORCED, REFUSED, UNAUDITED, CONFLICT)


class Back(Struct, frozen=True):
    """Why a step (by its number in the order) is not simply taken back.

    `first` are the later steps to be taken back before, the last one first; `bare`: taking it back in one go leaves pods
    without any proxy until they restart; `seen` is what would come of it.
    """

    step: int
    seen: Seen
    witness: str
    first: tuple[int, ...] = ()
    bare: bool = False


def backs(callees: Iterable[Callee], track: Track) -> dict[int, Back]:
    """What keeps steps from being taken back alone, by their number; one example each."""
    found: dict[int, Back] = {}
    for callee in callees:
        for group in callee.groups:
            for each in _of_group(callee, group, track):
                known = found.get(each.step)
                found[each.step] = each if known is None else _joined(known, each)
    return found


def _joined(one: Back, other: Back) -> Back:
    first = tuple(sorted({*one.first, *other.first}, reverse=True))
    worse = min(one, other, key=lambda each: (_BADNESS.index(each.seen.kind), each.seen.policy, len(each.witness)))
    return Back(one.step, worse.seen, worse.witness, first, one.bare or other.bare)


class _Raw(Struct, frozen=True):
    """The same in places of the way instead of steps, for all namespaces that are alike."""

    place: int
    seen: Seen
    witness: str
    later: int = 0  # from which place on
    bare: bool = False


def _of_group(callee: Callee, group: Group, track: Track) -> Iterator[Back]:
    way = tuple(points(callee, group, track))
    key = group.who, tuple((point.during, point.after, *_moving(callee, group, point)) for point in way)
    known = callee.judge.backs
    if key not in known:
        known[key] = tuple(_raw(callee, group, way, track))
    for each in known[key]:
        seen, witness = callee.told(each.seen, each.witness, group)
        first = tuple(point.number for point in reversed(way[each.later :])) if each.later else ()
        yield Back(way[each.place].number, seen, witness, first, each.bare)


def _moving(callee: Callee, group: Group, point: Point) -> tuple[State, bool]:
    """Which servers move at a point, as the judge knows them, and whether the callers do."""
    servers = point.moment.enrolls & callee.core
    return callee.state((), pods.BARE, servers), group.namespace in point.moment.enrolls


def _raw(callee: Callee, group: Group, way: tuple[Point, ...], track: Track) -> Iterator[_Raw]:
    for place, point in enumerate(way):
        yield from _in_one_go(callee, group, way, place)
        number = track.numbers[point.number]
        if number not in callee.counting:
            continue
        for later in range(place + 1, len(way)):
            new = _new(callee, group, _without(callee, way[later], number), way[later])
            if new is not None:
                yield _Raw(place, *new, later=later)
                break


def _without(callee: Callee, point: Point, number: int) -> tuple[Case, ...]:
    place = callee.counting[number]
    cases = (*point.during, point.after)
    return tuple((replace(state, done=tuple(each for each in state.done if each != place)), mode) for state, mode in cases)


def _new(callee: Callee, group: Group, cases: Iterable[Case], known: Point, *more: Point) -> tuple[Seen, str] | None:
    """What the cases show that the plan itself does not show around there."""
    expected: set[Seen] = set()
    for state, mode in dict.fromkeys(case for point in (known, *more) for case in (*point.during, point.after)):
        with suppress(Missing):
            expected |= callee.judge.found(state, group.who, mode).keys()
    for state, mode in dict.fromkeys(cases):
        try:
            found = callee.judge.found(state, group.who, mode)
        except Missing:
            return Seen(CONFLICT, ""), ""
        for seen, witness in found.items():
            if seen not in expected:
                return seen, witness
    return None


def _in_one_go(callee: Callee, group: Group, way: tuple[Point, ...], place: int) -> Iterator[_Raw]:
    """Enrolled pods that lose the ambient label before they have their sidecars: neither ztunnel nor sidecar serves them."""
    point = way[place]
    servers, callers = point.moment.enrolls & callee.core, group.namespace in point.moment.enrolls
    if not servers and not callers:
        return
    done = way[place - 1].done if place else ()
    states = [callee.state(done), *([callee.state(done, pods.BARE, servers)] if servers else [])]
    modes = [group.who.former, *(["none"] if callers else [])]
    new = _new(callee, group, [(state, mode) for state in states for mode in modes], point, *way[max(place - 1, 0) : place])
    if new is not None:
        yield _Raw(place, *new, bare=True)
