"""Edits of one document in rounds: those of different items of a List are independent of each other and go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import Delete, Edit

_ITEMS = "items"


def rounds(edits: tuple[Edit, ...]) -> Iterator[tuple[Edit, ...]]:
    """The edits with the same end, in as few rounds as can be told: one by one where they are not all about items of a List.

    Whole items go last. The first of them goes alone, since the list goes with its only item.
    """
    if not _is_of_list(edits):
        yield from ((each,) for each in edits)
        return
    whole = tuple(each for each in edits if len(each.route) == 2)
    by_item: dict[object, list[Edit]] = {}
    for each in edits:
        if len(each.route) > 2:
            by_item.setdefault(each.route[1], []).append(each)
    for number in range(max(map(len, by_item.values()), default=0)):
        yield tuple(own[number] for own in by_item.values() if number < len(own))
    yield from (each for each in (whole[:-1], whole[-1:]) if each)


def _is_of_list(edits: Iterable[Edit]) -> bool:
    """Whether all are about items, and no item that goes moves one that is named later."""
    least: int | None = None
    for edit in edits:
        if len(edit.route) < 2 or edit.route[0] != _ITEMS or not isinstance(number := edit.route[1], int):
            return False
        if least is not None and number >= least:
            return False
        if len(edit.route) == 2:
            if not isinstance(edit, Delete):
                return False
            least = number
    return True
