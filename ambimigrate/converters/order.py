"""From first match to most specific match: what is dead, how routes are written, and whether every request keeps its rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from ambimigrate.converters.conditions import ANY, EXACT, PREFIX, REGEX, Condition, Test, are_disjoint, both, covers
from ambimigrate.converters.matches import is_portable, pattern
from ambimigrate.model import Route
from ambimigrate.versions import Version, at_least

_RANK = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}


class Item(Struct, frozen=True):
    """An entry of the flat list: its rule, where it stands, its condition, and how its headers are spelt.

    `cut` is the path that the VirtualService compares where the condition takes one path out of it.
    """

    rule: int
    route: Route
    condition: Condition
    names: dict[str, str]
    cut: Test | None = None


class Dead(Struct, frozen=True):
    """An entry that no request reaches, since `by` takes them all."""

    item: Item
    by: Item


def alive(items: Sequence[Item]) -> tuple[list[Item], list[Dead]]:
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


def needs_patterns(items: Sequence[Item]) -> bool:
    """Whether paths have to be regular expressions.

    They outrank nothing: a PathPrefix beside them precedes them all, and `/` without conditions cuts the list (conversion.go
    `sortHTTPRoutes`, route.go `IsCatchAllRoute`), so a list has either prefixes or patterns.
    """
    return any(not is_portable(each.condition.path) for each in items) or spread(items) is None


def spread(items: Sequence[Item]) -> list[Item] | None:
    """The items with one more for each prefix `/p/`: Exact `/p`, which PathPrefix would take, too, with the rule of `/p` today.

    None if no rule takes every request for `/p` today: the rest would have to stay 404.
    """
    extra: dict[int, list[Item]] = {}
    for path in dict.fromkeys(each.condition.path.text for each in items if each.condition.path.kind == PREFIX):
        bare = Test(EXACT, path.rstrip("/"))
        for number, found in _answers(items, bare):
            if found is None:
                return None
            extra.setdefault(number, []).append(found)
    return [each for number, item in enumerate(items) for each in (*extra.get(number, ()), item)]


def _answers(items: Sequence[Item], bare: Test) -> Iterator[tuple[int, Item | None]]:
    for number, item in enumerate(items):
        own = item.condition
        narrowed = both(own, Condition(bare)) if own.path.kind != REGEX else None
        if narrowed is None or narrowed.path != bare:
            continue
        if own.path != bare:
            yield number, Item(item.rule, item.route, narrowed, item.names, own.path)
        if not (own.headers or own.query or own.method):
            return
    yield -1, None


def key(condition: Condition, *, patterns: bool) -> tuple[int, int, int, int, int]:
    """The place of a match in Istio's order (conversion.go `sortHTTPRoutes`): smaller is earlier."""
    path = condition.path
    kind = "Exact" if path.kind == EXACT and is_portable(path) else "RegularExpression" if patterns else "PathPrefix"
    text = pattern(path) if kind == "RegularExpression" else "/" if path.kind == ANY else path.text.rstrip("/") or "/"
    return _RANK[kind], -len(text.encode()), int(condition.method is None), -len(condition.headers), -len(condition.query)


class Clash(Struct, frozen=True):
    """Two entries whose order turns round for a request that both take and that they treat differently."""

    first: Item
    overtaking: Item


def clash(items: Sequence[Item], actions: Sequence[Any], istio: Version, *, patterns: bool) -> Clash | None:
    """The first pair that Istio's order would turn round, None if every request keeps its action (conversion step 2)."""
    one_line = not at_least(istio, "1.31.0")  # Envoy 1.39, `match_headers_individually`
    keys = [key(each.condition, patterns=patterns) for each in items]
    for i, first in enumerate(items):
        for j in range(i + 1, len(items)):
            other = items[j]
            if keys[j] >= keys[i] or actions[i] == actions[j]:
                continue
            if are_disjoint(first.condition, other.condition, one_line_headers=one_line):
                continue
            shared = both(first.condition, other.condition)
            if shared is None or not any(covers(each.condition, shared) for each in items[:i]):
                return Clash(first, other)
    return None
