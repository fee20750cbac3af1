"""Follows an order moment by moment, half-done ones included, and gathers from when to when what differs for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.model import grouped
from ambimigrate.plan.proof import pods
from ambimigrate.plan.proof.callees import Callee, Group, Numbered
from ambimigrate.plan.proof.decided import State
from ambimigrate.plan.proof.judge import UNPROVEN, Seen
from ambimigrate.plan.proof.moments import Moment, Moments
from ambimigrate.yamlio.trees import Missing

Case = tuple[State, str]  # a state, and the data plane of the callers


class Stop(Struct, frozen=True):
    """A moment that counts for a callee: its changes that count, the state after it, and whose pods restart in it."""

    new: tuple[int, ...]
    state: State
    moving: frozenset[str]  # as the judge knows them

    @property
    def states(self) -> tuple[State, ...]:
        """Those while the pods restart."""
        is_half = self.new and self.moving
        return (self.state, replace(self.state, pods=pods.SIDECAR, moving=self.moving)) if is_half else (self.state,)


class Point(Struct, frozen=True):
    """A moment that counts for a callee and its callers: the cases while it is carried out, and those after it."""

    number: int  # in the order
    moment: Moment
    stop: Stop
    during: tuple[Case, ...]
    after: Case


class Span(Struct, frozen=True):
    """A difference for some callers from one moment to another (numbers in the order); `stays` if nothing ends it."""

    seen: Seen
    group: Group
    start: int
    end: int
    stays: bool
    witness: str


class Track(Struct, frozen=True, eq=False):
    """An order to be followed: its moments, where in it each change is, by its number, and where each namespace moves."""

    moments: Moments
    places: Mapping[int, int]
    moves: Mapping[str, tuple[int, ...]]
    known: dict[int, tuple[Callee, Mapping[int, Stop]]] = {}

    def stops(self, callee: Callee) -> Mapping[int, Stop]:
        """What counts for a callee, by place; the same for all who call it."""
        if id(callee) not in self.known:
            self.known[id(callee)] = callee, dict(_stops(callee, self))
        return self.known[id(callee)][1]


def track(order: Moments, numbered: Numbered) -> Track:
    """An order, made ready for following it for many callers."""
    moves = grouped((name, place) for place, one in enumerate(order) for name in one.enrolls)
    return Track(order, {number: place for place, one in enumerate(order) for number in numbered.numbers(one)}, moves)


def _stops(callee: Callee, way: Track) -> Iterator[tuple[int, Stop]]:
    counting = grouped((way.places[number], number) for number in callee.counting if number in way.places)
    done: tuple[int, ...] = ()
    for place in sorted(counting):
        done = (*done, *counting[place])
        yield place, Stop(counting[place], callee.state(done), callee.known(way.moments[place].enrolls & callee.core))


def points(callee: Callee, group: Group, way: Track) -> Iterator[Point]:
    """Where an order changes anything between these callers and the callee."""
    stops = way.stops(callee)
    stop = Stop((), callee.state(()), frozenset())
    mode = group.who.former
    moving = way.moves.get(group.namespace, ()) if group.namespace else ()
    for place in sorted({*stops, *moving}):
        stop = stops.get(place) or Stop((), stop.state, callee.known(way.moments[place].enrolls & callee.core))
        modes = (mode, group.who.latter) if place in moving else (mode,)
        mode = modes[-1]
        cases = tuple((state, each) for state in stop.states for each in dict.fromkeys(modes))
        yield Point(place, way.moments[place], stop, cases, (stop.state, mode))


def spans(callee: Callee, group: Group, way: Track) -> Iterator[Span]:
    """What differs for these callers, from when to when."""
    opened: dict[Seen, tuple[int, str]] = {}
    last = len(way.moments) - 1
    for point in points(callee, group, way):
        meanwhile = _found(callee, group, point.during)
        then = _found(callee, group, (point.after,))
        for seen in [each for each in opened if each not in then]:
            start, witness = opened.pop(seen)
            yield _span(callee, group, (seen, witness), (start, point.number))
            meanwhile.pop(seen, None)
        for seen, witness in meanwhile.items():
            if seen in then:
                opened.setdefault(seen, (point.number, witness))
            else:
                yield _span(callee, group, (seen, witness), (point.number, point.number))
    for seen, (start, witness) in opened.items():
        yield replace(_span(callee, group, (seen, witness), (start, last)), stays=True)


def _span(callee: Callee, group: Group, found: tuple[Seen, str], during: tuple[int, int]) -> Span:
    seen, witness = callee.told(*found, group)
    return Span(seen, group, *during, stays=False, witness=witness)


def _found(callee: Callee, group: Group, cases: Iterable[Case]) -> dict[Seen, str]:
    found: dict[Seen, str] = {}
    for state, mode in cases:
        try:
            differing = callee.judge.found(state, group.who, mode)
        except Missing:
            differing = {Seen(UNPROVEN, f"the policies of namespace {callee.stands}"): "a change builds on a later one"}
        for seen, witness in differing.items():
            found.setdefault(seen, witness)
    return found


def every(callees: Iterable[Callee], way: Track) -> list[Span]:
    """All differences of an order."""
    return [span for callee in callees for group in callee.groups for span in spans(callee, group, way)]
