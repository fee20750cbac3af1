"""NS803: a temporary exception in a migrated namespace is past the day that it names itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, State, gained, name
from ambimigrate.model import Mesh, Resource

UNTIL = "ambimigrate.io/until"  # annotation: the last day (ISO date) on which an exception may stay


def check(pair: Pair, today: date) -> Iterator[Found]:
    """Days pass without a change, so that the state before does not matter; a date that cannot be read is new or silent."""
    for resource in _dated(pair.after, pair.migrated):
        last = _day(resource)
        if last is not None and last < today:
            told = "and stops every change: remove it, or name a later day, in this change or in one of its own"
            message = f"was an exception until {last.isoformat()} {told}"
            yield Found(resource, ("metadata", "annotations", UNTIL), message, "past")
    yield from gained(pair, _unreadable)


def _dated(mesh: Mesh, spaces: frozenset[str]) -> Iterator[Resource[Any]]:
    for resource in mesh.resources:
        space = resource.namespace if type(resource.body).NAMESPACED else resource.name
        if space in spaces and UNTIL in resource.body.metadata.annotations:
            yield resource


def _day(resource: Resource[Any]) -> date | None:
    try:
        return date.fromisoformat(resource.body.metadata.annotations[UNTIL])
    except ValueError:
        return None


def _unreadable(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for resource in _dated(mesh, spaces):
        if _day(resource) is None:
            said = resource.body.metadata.annotations[UNTIL]
            message = f"{said!r} is no date such as 2027-01-31, so the exception would never end"
            yield (name(resource), said), Found(resource, ("metadata", "annotations", UNTIL), message, "unreadable")
