"""Units into waves: after all that go before them, pilots first, then by risk, and no wave larger than wanted."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ambimigrate.plan.units import Unit, Units
from ambimigrate.plan.wishes import NONE, Contradiction, Wishes

_PILOT = -1  # the rank of pilots, and of what has to move before them
_NEVER = 1 << 30


class Ranks(Struct, frozen=True):
    """What decides which of the namespaces that may move go first: their risk, then how much they are called."""

    risks: Mapping[str, int]
    rates: Mapping[str, float]


class Task(Struct, frozen=True):
    """What is to be put into waves; `first` is the number of the first one that moves namespaces."""

    found: Units
    ranks: Ranks
    wishes: Wishes = NONE
    first: int = 1


def fill(task: Task) -> tuple[tuple[str, ...], ...]:
    """The namespaces of each wave. Raises Contradiction if a pin cannot be kept."""
    fixed = _fixed(task)
    last = _latest(task, fixed)
    _check(task, fixed, last)
    return tuple(
        tuple(sorted(name for number in wave for name in task.found.units[number])) for wave in _Filling(task, last).run()
    )


def _fixed(task: Task) -> dict[int, int]:
    """The waves at which units are pinned."""
    home = {name: number for number, unit in enumerate(task.found.units) for name in unit}
    found: dict[int, int] = {}
    for pin in task.wishes.pinned:
        if pin.wave is not None and pin.namespace in home:
            number = home[pin.namespace]
            if found.setdefault(number, pin.wave) != pin.wave:
                circle = ", ".join(task.found.units[number])
                raise Contradiction(
                    f"{pin.place}: {pin} contradicts wave {found[number]} of another one of {circle}, which move together"
                )
    return found


def _latest(task: Task, fixed: Mapping[int, int]) -> list[int]:
    """The last wave in which each unit may move, for the pins of those that go after it."""
    found = [_NEVER] * len(task.found.units)
    for number in reversed(range(len(found))):
        limits = (found[each] - 1 for each in task.found.later[number] if found[each] < _NEVER)
        following = min(limits, default=_NEVER)
        found[number] = min(following, fixed.get(number, _NEVER))
    return found


def _check(task: Task, fixed: Mapping[int, int], last: Sequence[int]) -> None:
    """Raises Contradiction for a pin to a wave that is too early for what goes before it."""
    soonest = [task.first] * len(last)
    for number, unit in enumerate(task.found.units):
        wave = fixed.get(number, soonest[number])
        if wave < soonest[number] or (number in fixed and last[number] < wave):
            raise Contradiction(_unkept(task, unit, wave, soonest[number]))
        for each in task.found.later[number]:
            soonest[each] = max(soonest[each], wave + 1)


def _unkept(task: Task, unit: Unit, wave: int, soonest: int) -> str:
    pin = next(each for each in task.wishes.pinned if each.wave is not None and each.namespace in unit)
    if wave < task.first:
        return f"{pin.place}: {pin} cannot be: the first wave that moves namespaces is {task.first}"
    if wave < soonest:
        return f"{pin.place}: {pin} cannot be: with what has to move before it, wave {soonest} is the first for it"
    return f"{pin.place}: {pin} contradicts an earlier wave of a namespace that has to move after it"


class _Filling:
    """Wave after wave, the best of what may move by then."""

    def __init__(self, task: Task, last: Sequence[int]) -> None:
        self.task, self.last = task, last
        self.room = task.wishes.max_wave or _NEVER
        self.fixed = frozenset(_fixed(task))
        self.waiting = [0] * len(last)
        for following in task.found.later.values():
            for each in following:
                self.waiting[each] += 1
        self.rank = _ranks(task)
        self.due: dict[int, list[int]] = defaultdict(list)
        for number, wave in enumerate(last):
            self.due[wave].append(number)
        self.ready: list[tuple[int, int, float, str, int]] = []
        self.placed: set[int] = set()
        self._release(number for number, count in enumerate(self.waiting) if not count)

    def run(self) -> Iterator[list[int]]:
        wave = self.task.first
        while len(self.placed) < len(self.last):
            taken = self._take(wave)
            if not taken:
                raise Contradiction(self._empty(wave))
            yield taken
            self.placed.update(taken)
            self._release(each for number in taken for each in self._freed(number))
            wave += 1

    def _freed(self, number: int) -> Iterator[int]:
        for each in self.task.found.later[number]:
            self.waiting[each] -= 1
            if not self.waiting[each]:
                yield each

    def _release(self, numbers: Iterable[int]) -> None:
        for each in numbers:
            if each not in self.fixed:
                # Where waves are of limited size, what others wait for by their pins does not wait for the last moment.
                urgency = self.last[each] if self.room < _NEVER else _NEVER
                heapq.heappush(self.ready, (urgency, *self.rank[each], each))

    def _take(self, wave: int) -> list[int]:
        taken = [each for each in self.due.get(wave, ()) if each not in self.placed]
        size = sum(len(self.task.found.units[each]) for each in taken)
        if any(self.waiting[each] for each in taken) or (size > self.room and len(taken) > 1):
            raise Contradiction(self._full(wave, taken))
        rank: int | None = None
        while self.ready:
            urgency, first, _, _, number = self.ready[0]
            unit = self.task.found.units[number]
            if number in taken or number in self.placed:
                heapq.heappop(self.ready)
                continue
            if (taken and size + len(unit) > self.room) or (urgency == _NEVER and rank not in {None, first}):
                break
            heapq.heappop(self.ready)
            rank = first if urgency == _NEVER else rank
            taken.append(number)
            size += len(unit)
        return taken

    def _full(self, wave: int, taken: Sequence[int]) -> str:
        names = ", ".join(name for number in taken for name in self.task.found.units[number])
        most = f"wave {wave}, of {self.room} at most"
        return f"{self._places()}: no order was found that keeps the pins: {names} would have to move in {most}"

    def _empty(self, wave: int) -> str:
        left = ", ".join(
            name for number in range(len(self.last)) if number not in self.placed for name in self.task.found.units[number]
        )
        return f"{self._places()}: wave {wave} would stay empty, since only {left} is left, for later waves"

    def _places(self) -> str:
        return ", ".join(pin.place for pin in self.task.wishes.pinned if pin.wave is not None)


def _ranks(task: Task) -> list[tuple[int, float, str]]:
    """Pilots and what has to move before them, then by risk, by calls, and by name."""
    pilots = {each.namespace for each in task.wishes.pilots}
    found = task.found.units
    early = [not pilots.isdisjoint(unit) for unit in found]
    for number in reversed(range(len(found))):
        early[number] = early[number] or any(early[each] for each in task.found.later[number])
    return [
        (
            _PILOT if early[number] else max(task.ranks.risks.get(name, 0) for name in unit),
            sum(task.ranks.rates.get(name, 0.0) for name in unit),
            unit[0],
        )
        for number, unit in enumerate(found)
    ]
