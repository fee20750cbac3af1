"""Changes as values: what is created, edited or deleted, at which stage, and what is held back and why."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from msgspec import Struct

from ambimigrate.model import Position, Ref, Resource, Route

FROM = "ambimigrate.io/from"  # the annotation of every object that we made: what it was made from
SUBSET = "ambimigrate.io/subset"  # the annotation of a Service that stands for a subset: SERVICE/SUBSET


class Stage(IntEnum):
    """The stages of a namespace's move, in order."""

    prepare = 1
    waypoints = 2
    policies = 3
    bind = 4
    swap = 5
    enroll = 6
    retire = 7
    tighten = 8


class Set(Struct, frozen=True):
    """Sets the value at a route; the mapping that holds it is made where it is missing."""

    route: Route
    value: Any

    def __hash__(self) -> int:
        return hash((self.route, repr(self.value)))  # the value may be a mapping


class Delete(Struct, frozen=True):
    """Takes out the key or the list item at a route; a mapping that becomes empty goes with it."""

    route: Route


Edit = Set | Delete


class Create(Struct, frozen=True):
    """A new object: its value, and the resource beside which it is written (in its folder and kustomization)."""

    ref: Ref
    value: Mapping[str, Any]
    beside: Resource[Any]


class Note(Struct, frozen=True):
    """What a change does with a field of a source, and why; most are left out, which changes nothing."""

    position: Position
    reason: str
    word: str = "left out"


class Change(Struct, frozen=True):
    """One object created, edited or deleted, in one mesh, at the stage from which on that is safe.

    `because` names findings or reasons of the catalogue; `sources` are the objects that it comes from; `since` is the
    first version of Istio on which it is exact, with verdict `exact-since`; `witness` is a concrete request or connection
    that tells a `differs` from what was before.
    """

    stage: Stage
    namespace: str
    mesh: str
    ref: Ref
    action: Create | tuple[Edit, ...] | None  # None: the object is deleted
    subject: Resource[Any] | None  # what is edited or deleted
    because: tuple[str, ...] = ()
    sources: tuple[Position, ...] = ()
    verdict: str = "exact"  # exact | exact-since | differs
    since: str | None = None
    witness: str | None = None
    notes: tuple[Note, ...] = ()
    alone: bool = False  # written in the overlays of its object (`Resource.levels`), since its text stands for others, too

    @property
    def verb(self) -> str:
        """create, edit or delete."""
        return "create" if isinstance(self.action, Create) else "delete" if self.action is None else "edit"


class Held(Struct, frozen=True):
    """An object that stays as it is: at which field and why, with the request that shows it and what a person can do.

    Its namespace gets nothing from the stages after `prepare`.
    """

    mesh: str
    namespace: str
    ref: Ref
    position: Position
    reason: str
    because: tuple[str, ...] = ()
    witness: str | None = None
    alternative: str | None = None


class Untouched(Struct, frozen=True):
    """An object that needs no change, and why."""

    mesh: str
    ref: Ref
    file: str
    reason: str
