"""Entries and the order that Istio gives them: what is dead, how a match ranks, and which pairs would turn round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.routing.conditions import Condition, are_disjoint, both, covers
from ambimigrate.converters.routing.methods import is_named
from ambimigrate.converters.routing.strings import Test
from ambimigrate.model import Route

EXACT_PATH, PATH_PREFIX, PATTERN = "Exact", "PathPrefix", "RegularExpression"
_RANK = {EXACT_PATH: 0, PATH_PREFIX: 1, PATTERN: 2}
Rule = dict[str, Any]


class Item(Struct, frozen=True):
    """An entry of the flat list: its rule, where it stands, its condition, and how its headers are spelt.

    `cut` is the path that the VirtualService compares where the condition takes some paths out of it.
    """

    rule: int
    route: Route
    condition: Condition
    names: dict[str, str]
    cut: Test | None = None


class Line(Struct, frozen=True):
    """An entry as it is to be written: what it does, and the type and text of its path.

    `same` is equal for lines that do the same; a `fixed` type is one that the action or another line needs.
    """

    item: Item
    action: Rule
    same: str
    type: str
    value: str
    fixed: bool = False

    @property
    def condition(self) -> Condition:
        return self.item.condition


Act = Callable[[Item], Rule]  # what the rule of an item does with its path
Alike = Callable[[Item, Item], bool]  # whether two entries do the same


def is_taken_alike(item: Item, later: Sequence[Item], alike: Alike) -> bool:
    """Whether the entries after it do the same with all its requests; False if that is not certain."""
    for each in later:
        left, right = item.condition, each.condition
        if not (is_named(left.method) or is_named(right.method)):  # two tests of methods may take the same one
            left, right = replace(left, method=None), replace(right, method=None)
        if are_disjoint(left, right):
            continue
        if not alike(item, each):
            return False
        if covers(each.condition, item.condition):
            return True
    return False


class Dead(Struct, frozen=True):
    """An entry that no request reaches, since `by` takes them all."""

    item: Item
    by: Item


def alive(items: Iterable[Item]) -> tuple[list[Item], list[Dead]]:
    """The entries that some request reaches, and those that an earlier one covers (conversion step 0)."""
    kept: list[Item] = []
    dead: list[Dead] = []
    for item in items:
        wider = next((each for each in kept if covers(each.condition, item.condition)), None)
        if wider is None:
            kept.append(item)
        else:
            dead.append(Dead(item, wider))
    return kept, dead


Key = tuple[int, int, bool, int, int]


def key(line: Line) -> Key:
    """The place of a match in Istio's order (conversion.go `sortHTTPRoutes`): smaller is earlier.

    A prefix counts without its trailing slash, a pattern with every byte of its text.
    """
    text = (line.value.rstrip("/") or "/") if line.type == PATH_PREFIX else line.value
    own = line.condition
    return _RANK[line.type], -len(text.encode()), own.method is None, -len(own.headers), -len(own.query)


class Order(Struct, frozen=True):
    """How far the order can be relied on: equal places may turn round (`strict`)."""

    strict: bool = False

    def turns(self, first: tuple[Line, Key], other: tuple[Line, Key]) -> bool:
        """Whether the later line would come first for a request that both may take and treat differently."""
        (line, place), (later, own) = first, other
        if own > place or (own == place and not self.strict) or line.same == later.same:
            return False
        return not are_disjoint(line.condition, later.condition)


class Clash(Struct, frozen=True):
    """Two entries whose order turns round for a request that both take and that they treat differently."""

    first: Item
    overtaking: Item
    lines: tuple[Line, ...]  # the best that could be written: all entries, in the order of the VirtualService


def clashes(lines: Sequence[Line], order: Order) -> Iterator[tuple[int, int]]:
    """The pairs that Istio's order would turn round; none if every request keeps its action (conversion step 2).

    A pair does no harm where an earlier entry takes every request of both.
    """
    placed = [(each, key(each)) for each in lines]
    for i, first in enumerate(placed):
        for j in range(i + 1, len(placed)):
            if not order.turns(first, placed[j]):
                continue
            shared = both(first[0].condition, lines[j].condition)
            if shared is None or not any(covers(each.condition, shared) for each in lines[:i]):
                yield i, j
