"""Small steps over sequences that every layer needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def shared_path(left: str, right: str) -> int:
    """How many leading folders two paths have in common."""
    count = 0
    for a, b in zip(left.split("/")[:-1], right.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


def grouped(pairs: Iterable[tuple[Hashable, T]]) -> dict[Any, tuple[T, ...]]:
    """Pairs of key and value gathered by key, in order of arrival."""
    found: dict[Hashable, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}


def numbered(items: Iterable[T]) -> Iterator[tuple[int, T]]:
    """Items counted from 1."""
    return enumerate(items, 1)
