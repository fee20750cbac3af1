"""Long lists of rules in several HTTPRoutes for one port, which Istio sorts as one list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

MOST_RULES, MOST_IN_RULE, MOST_MATCHES = 16, 64, 128  # Gateway API, limits of one HTTPRoute

Rule = dict[str, Any]


def parts(rules: Sequence[Rule]) -> list[list[Rule]]:
    """The rules of each HTTPRoute, in order, with the same parent (name and port).

    Matches of equal rank go by creation time, then by name: the names of the objects have to be in lexical order (see
    `names`). Creation times are never relied upon: where matches of equal rank share requests but not their rule,
    `lists.port_lists` has them in one object.
    """
    found: list[list[Rule]] = []
    count = 0
    for rule in _short(rules):
        matches = len(rule["matches"])
        if not found or len(found[-1]) == MOST_RULES or count + matches > MOST_MATCHES:
            found.append([])
            count = 0
        found[-1].append(rule)
        count += matches
    return found


def _short(rules: Sequence[Rule]) -> Iterator[Rule]:
    """The rules, one with too many matches as several that do the same."""
    for rule in rules:
        matches = rule["matches"]
        for start in range(0, len(matches), MOST_IN_RULE):
            yield {**rule, "matches": matches[start : start + MOST_IN_RULE]}


def names(count: int) -> list[str]:
    """What to add to the name of each object, in lexical order; nothing where there is but one."""
    width = max(2, len(str(count)))
    return [f"{number:0{width}}" for number in range(1, count + 1)] if count > 1 else [""]
