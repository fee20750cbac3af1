"""Entries for methods that HTTPRoutes cannot name: left out where the entries after them do the same with such requests."""

from __future__ import annotations

from collections.abc import Sequence

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import METHODS
from ambimigrate.converters.routing.methods import is_named
from ambimigrate.converters.routing.order import Alike, Item, is_taken_alike


class Unnamed(Refused):
    """The methods of an entry have no name in an HTTPRoute, and other rules would take its requests."""

    def __init__(self, item: Item) -> None:
        method = item.condition.method or ""
        said = f"{method} takes others, too" if " " in method else f"{method} is none of them"
        reason = f"an HTTPRoute names one of {len(METHODS)} methods; {said}"
        super().__init__("match", (*item.route, "method"), reason)
        self.item = item


def without_them(items: Sequence[Item], alike: Alike) -> tuple[list[Item], list[Item]]:
    """The entries whose methods have a name, and those that can be left out. Raises Refused for any other."""
    left = [item for number, item in enumerate(items) if not is_named(item.condition.method)]
    for item in left:
        if not is_taken_alike(item, items[items.index(item) + 1 :], alike):
            raise Unnamed(item)
    return [each for each in items if is_named(each.condition.method)], left
