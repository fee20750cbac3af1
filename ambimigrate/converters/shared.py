"""One document may stand for objects of several environments: which ones, and whether a change is the same for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate.changes import Change, Create
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.yamlio import Document

Place = tuple[str, int, Route]  # file, start of the document in it, route inside it


class Twin(Struct, frozen=True):
    """One of the objects that a place stands for."""

    mesh: str
    resource: Resource[Any]


def place(resource: Resource[Any]) -> Place:
    """Where the object stands."""
    start = resource.origin.start if isinstance(resource.origin, Document) else 0
    return resource.file, start, resource.base


def twins(meshes: Iterable[Mesh]) -> Mapping[Place, tuple[Twin, ...]]:
    """Every place with the objects of all meshes that it stands for."""
    found: dict[Place, list[Twin]] = {}
    for mesh in meshes:
        for resource in mesh.resources:
            found.setdefault(place(resource), []).append(Twin(mesh.name, resource))
    return {key: tuple(members) for key, members in found.items()}


def anchor(change: Change) -> Resource[Any]:
    """The object whose text a change touches, or beside which it writes."""
    found = change.action.beside if isinstance(change.action, Create) else change.subject
    if found is None:
        raise ValueError("a change without subject creates")
    return found


def signature(change: Change) -> tuple[Any, ...]:
    """Equal for changes that are one change of the text."""
    what: Any = msgspec.json.encode(change.action.value, order="sorted") if isinstance(change.action, Create) else change.action
    return change.stage, place(anchor(change)), change.verb, what


def disagreeing(changes: Iterable[Change], known: Mapping[Place, tuple[Twin, ...]]) -> Iterator[tuple[Change, Twin]]:
    """Changes of a text that stands for other objects, too, with one of those that do not change in the same way."""
    changes = tuple(changes)
    made = {(signature(each), each.mesh, id(anchor(each))) for each in changes}
    for change in changes:
        for twin in known.get(place(anchor(change)), ()):
            if (signature(change), twin.mesh, id(twin.resource)) not in made:
                yield change, twin
                break
