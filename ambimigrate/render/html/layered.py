"""Places for the boxes of a graph: callers on the left of what they call, few crossings, always the same for one graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from msgspec import Struct

from ambimigrate.topology.circles import groups

Link = tuple[str, str]
Key = tuple[str, ...]  # of a box: its name; of a bend of a long line: both ends and the column
_SWEEPS = 6
_BEND = 0.4  # the height of a bend, if that of a box is 1


class Layout(Struct, frozen=True):
    """The column and the top (in rows, from 0) of each name, and of the bends of lines that pass other columns."""

    columns: int
    rows: float
    at: Mapping[str, tuple[int, float]]
    bends: Mapping[Link, tuple[tuple[int, float], ...]]


def layout(names: Iterable[str], links: Iterable[Link]) -> Layout:
    """A place for every name; those in a circle stand in neighbouring columns, in order of name."""
    names, links = sorted(set(names)), sorted(set(links))
    level = _levels(names, links)
    chains = {link: _chain(link, level) for link in links}
    columns = _columns(names, level, chains)
    pairs = [pair for chain in chains.values() for pair in pairwise(chain)]
    near = _neighbours(pairs)
    rows = _rows(_ordered(columns, near), near)
    least = min((middle - _size(key) / 2 for key, middle in rows.items()), default=0)
    at = {name: (level[name], rows[(name,)] - least - 0.5) for name in names}
    bends = {
        link: tuple(
            (int(key[2]), rows[key] - least - 0.5) for key in (chain if level[link[0]] <= level[link[1]] else chain[::-1])[1:-1]
        )
        for link, chain in chains.items()
    }
    lowest = max((middle + _size(key) / 2 for key, middle in rows.items()), default=0)
    return Layout(len(columns), lowest - least, at, bends)


def _levels(names: list[str], links: list[Link]) -> dict[str, int]:
    """One more than the greatest of the callers; members of a circle count up by name."""
    level: dict[str, int] = {}
    callers: dict[str, list[str]] = defaultdict(list)
    for caller, callee in links:
        callers[callee].append(caller)
    for group in groups(names, ((callee, caller) for caller, callee in links)):
        inside = set(group)
        above = max((level[each] + 1 for name in group for each in callers[name] if each not in inside), default=0)
        level |= {name: above + (number % 2 if len(group) > 1 else 0) for number, name in enumerate(group)}
    return level


def _chain(link: Link, level: Mapping[str, int]) -> list[Key]:
    """The box on the left, a bend in each column between, the box on the right."""
    first, last = link if level[link[0]] <= level[link[1]] else link[::-1]
    between = [(*link, str(column)) for column in range(level[first] + 1, level[last])]
    return [(first,), *between, (last,)] if level[first] != level[last] else [(first,), (last,)]


def _columns(names: list[str], level: Mapping[str, int], chains: Mapping[Link, list[Key]]) -> list[list[Key]]:
    columns: list[list[Key]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in names:
        columns[level[name]].append((name,))
    for chain in chains.values():
        for key in chain[1:-1]:
            columns[int(key[2])].append(key)
    return columns


def _neighbours(pairs: list[tuple[Key, Key]]) -> dict[Key, list[Key]]:
    near: dict[Key, list[Key]] = defaultdict(list)
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    return near


def _ordered(columns: list[list[Key]], near: Mapping[Key, list[Key]]) -> list[list[Key]]:
    """The columns, each sorted by the mean place of its neighbours, several times to and fro."""
    place = {key: float(number) for column in columns for number, key in enumerate(column)}
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            column.sort(key=lambda key: (_mean(key, near, place), key))
            place |= {key: float(number) for number, key in enumerate(column)}
    return columns


def _mean(key: Key, near: Mapping[Key, list[Key]], place: Mapping[Key, float]) -> float:
    around = [place[each] for each in near.get(key, ())]
    return sum(around) / len(around) if around else place[key]


def _rows(columns: list[list[Key]], near: Mapping[Key, list[Key]]) -> dict[Key, float]:
    """The middle of each: drawn towards the mean of its neighbours, with room between those of one column."""
    place: dict[Key, float] = {}
    for column in columns:
        place |= _spread(column, dict.fromkeys(column, 0.0))
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            place |= _spread(column, {key: _mean(key, near, place) for key in column})
    return place


def _size(key: Key) -> float:
    return 1.0 if len(key) == 1 else _BEND


def _spread(column: list[Key], wanted: Mapping[Key, float]) -> dict[Key, float]:
    """Middles near the wanted ones that keep order and distance: runs that touch each other move as one."""
    runs: list[tuple[float, float]] = []  # where a run begins, and its height
    for key in column:
        runs.append((wanted[key] - _size(key) / 2, _size(key)))
        while len(runs) > 1 and runs[-2][0] + runs[-2][1] > runs[-1][0]:
            (start, height), (other, more) = runs[-2:]
            runs[-2:] = [((start * height + (other - height) * more) / (height + more), height + more)]
    return dict(_stacked(column, runs))


def _stacked(column: list[Key], runs: list[tuple[float, float]]) -> Iterator[tuple[Key, float]]:
    left = iter(column)
    for start, height in runs:
        top = start
        while top + 0.01 < start + height:
            key = next(left)
            yield key, top + _size(key) / 2
            top += _size(key)
