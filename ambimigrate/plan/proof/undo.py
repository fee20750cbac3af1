"""The way back: which steps may be taken back alone, and which only once later ones are taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.plan.proof import pods
from ambimigrate.plan.proof.callees import Callee, Group
from ambimigrate.plan.proof.judge import REFUSED, UNAUDITED, UNENFORCED, Seen
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
    """What keeps steps from being taken back alone, by their number; the worst example each, of these the first."""
    found: dict[int, Back] = {}
    for callee, group in ((each, group) for each in callees for group in each.groups):
        for raw, step, first in _of_group(callee, group, track):
            found[step] = _joined(found.get(step), Back(step, raw.seen, raw.witness, first, raw.bare), (callee, group))
    return found


def _joined(known: Back | None, new: Back, at: tuple[Callee, Group]) -> Back:
    """Both, with the example of the one that is known unless the new one is worse."""
    if known is None:
        known, first = new, new.first
    else:
        first = known.first if known.first == new.first else tuple(sorted({*known.first, *new.first}, reverse=True))
    seen, witness = known.seen, known.witness
    if known is new or _badness(new.seen) < _badness(known.seen):
        seen, witness = at[0].told(new.seen, new.witness, at[1])
    return Back(new.step, seen, witness, first, known.bare or new.bare)


def _badness(seen: Seen) -> tuple[int, bool]:
    """Smaller is worse; an AuthorizationPolicy says more than a mode of mTLS."""
    return _BADNESS.index(seen.kind), not seen.policy.startswith("AuthorizationPolicy")


class _Raw(Struct, frozen=True):
    """The same in places of the way instead of steps, for all namespaces that are alike."""

    place: int
    seen: Seen
    witness: str
    later: int = 0  # from which place on
    bare: bool = False


def _of_group(callee: Callee, group: Group, track: Track) -> Iterator[tuple[_Raw, int, tuple[int, ...]]]:
    """What was found, for which step, and which steps have to be taken back before."""
    way = tuple(points(callee, group, track))
    moves = (group.namespace in point.moment.enrolls for point in way)
    key = group.who, tuple((point.during, point.after, point.stop.moving, each) for point, each in zip(way, moves, strict=True))
    known = callee.judge.backs
    if key not in known:
        known[key] = tuple(_raw(callee, group, way))
    for each in known[key]:
        first = tuple(point.number for point in reversed(way[each.later :])) if each.later else ()
        yield each, way[each.place].number, first


def _raw(callee: Callee, group: Group, way: tuple[Point, ...]) -> Iterator[_Raw]:
    for place, point in enumerate(way):
        yield from _in_one_go(callee, group, way, place)
        if not point.stop.new:
            continue
        for later in range(place + 1, len(way)):
            new = _new(callee, group, _without(callee, way[later], point.stop.new), way[later])
            if new is not None:
                yield _Raw(place, *new, later=later)
                break


def _without(callee: Callee, point: Point, numbers: tuple[int, ...]) -> tuple[Case, ...]:
    gone = {callee.counting[each] for each in numbers}
    cases = (*point.during, point.after)
    return tuple((replace(state, done=tuple(each for each in state.done if each not in gone)), mode) for state, mode in cases)


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
    servers, callers = point.stop.moving, group.namespace in point.moment.enrolls
    if not servers and not callers:
        return
    state = way[place - 1].stop.state if place else callee.state(())
    states = [state, *([replace(state, pods=pods.BARE, moving=servers)] if servers else [])]
    modes = [group.who.former, *(["none"] if callers else [])]
    new = _new(callee, group, [(state, mode) for state in states for mode in modes], point, *way[max(place - 1, 0) : place])
    if new is not None:
        yield _Raw(place, *new, bare=True)
