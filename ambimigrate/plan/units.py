"""What moves as one: namespaces that call each other in a circle, and which of these units go before which."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ambimigrate.plan.wishes import Contradiction, Pin
from ambimigrate.topology.circles import groups

Unit = tuple[str, ...]
Pairs = Mapping[tuple[str, str], str]  # caller and callee, with what shows the call


class Units(Struct, frozen=True):
    """Units in an order that keeps to all calls and pins, and for each the numbers of those that go directly after it."""

    units: tuple[Unit, ...]
    later: Mapping[int, tuple[int, ...]]

    def earlier(self) -> dict[int, list[int]]:
        """For each unit those that go directly before it."""
        found: dict[int, list[int]] = {number: [] for number in range(len(self.units))}
        for number, following in self.later.items():
            for each in following:
                found[each].append(number)
        return found


def units(names: Iterable[str], pairs: Pairs, pinned: Iterable[Pin]) -> Units:
    """The units of the names. Raises Contradiction for pins that the calls, or other pins, do not allow."""
    moving = sorted(names)
    known = frozenset(moving)
    inside = {(caller, callee): why for (caller, callee), why in pairs.items() if caller in known and callee in known}
    wanted = {pair: pin for pin in pinned if (pair := pin.pair) is not None and pair[0] in known and pair[1] in known}
    circles = groups(moving, ((callee, caller) for caller, callee in inside))
    home = {name: circle[0] for circle in circles for name in circle}
    first = {(home[one], home[other]) for one, other in (*inside, *wanted) if home[one] != home[other]}
    sorted_ = groups((circle[0] for circle in circles), ((later, earlier) for earlier, later in first))
    faults = tuple(_faults(inside, wanted, home, {name: group for group in sorted_ for name in group}))
    if faults:
        raise Contradiction("\n".join(faults))
    members = {circle[0]: circle for circle in circles}
    order = [members[group[0]] for group in sorted_]
    number = {unit[0]: place for place, unit in enumerate(order)}
    later: dict[int, list[int]] = {place: [] for place in range(len(order))}
    for one, other in sorted(first):
        later[number[one]].append(number[other])
    return Units(tuple(order), {place: tuple(following) for place, following in later.items()})


def _faults(
    pairs: Pairs, wanted: Mapping[tuple[str, str], Pin], home: Mapping[str, str], circle: Mapping[str, Unit]
) -> Iterator[str]:
    """Pins between members of one unit, or in a circle of calls and pins."""
    for (one, other), pin in wanted.items():
        if circle[home[one]] == circle[home[other]]:
            steps = {**pairs, **{pair: f"pinned at {each.place}" for pair, each in wanted.items() if each != pin}}
            chain = ", ".join(f"{a} before {b} ({steps[a, b]})" for a, b in _path(steps, other, one))
            yield f"{pin.place}: {pin} contradicts {chain}"


def _path(steps: Iterable[tuple[str, str]], start: str, end: str) -> list[tuple[str, str]]:
    """The shortest way from one name to another."""
    following: dict[str, list[str]] = {}
    for one, other in sorted(steps):
        following.setdefault(one, []).append(other)
    came: dict[str, str] = {}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for each in following.get(here, ()):
            if each not in came and each != start:
                came[each] = here
                queue.append(each)
    found: list[tuple[str, str]] = []
    while end in came:
        found.append((came[end], end))
        end = came[end]
    return found[::-1]
