"""One document may stand for objects of several environments: which ones, and whether a change is the same for all."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters import json_patches
from ambimigrate.model import Level, Mesh, Position, Ref, Resource, Route
from ambimigrate.yamlio import Document

_MOST_NAMED = 6  # environments of a note

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


def apart(changes: Iterable[Change], meshes: Iterable[Mesh]) -> tuple[Change, ...]:
    """The changes, those marked that go into overlays: all after `prepare` of texts that stand for several objects.

    Edits of `prepare` are neutral: they stay in the text if they are the same for all of these.
    """
    changes, known = tuple(changes), twins(meshes)
    split = {id(change) for change, _ in disagreeing(changes, known)}
    return tuple(
        replace(each, alone=True) if anchor(each).levels and (each.stage > Stage.prepare or id(each) in split) else each
        for each in changes
    )


def without(changes: Iterable[Change], fixed: Iterable[tuple[str, Ref, Position]]) -> tuple[Change, ...]:
    """The changes but for those of objects (by mesh, name and place) whose text cannot be changed, at any stage."""
    known = set(fixed)
    return tuple(each for each in changes if (each.mesh, anchor(each).ref, anchor(each).at()) not in known)


def files(change: Change) -> tuple[str, ...]:
    """The files that are named for a change: where its text stands, or the patches in overlays that make it."""
    found = anchor(change)
    if not change.alone or isinstance(change.action, Create):
        return (found.file,)
    return tuple(file for level in found.levels for file in _patches(change, level))


def _patches(change: Change, level: Level) -> Iterator[str]:
    edits = change.action if isinstance(change.action, tuple) else ()
    listed = [each for each in edits if json_patches.is_exact_only_here(each, ())]
    if len(listed) < len(edits) or change.action is None:
        yield patch(level, change.ref.kind)
    if listed:
        yield json_patch(level, change.ref.kind)


def beside(change: Change) -> str:
    """The file beside which a new object is written: that of its source, or the kustomization of the overlay."""
    found = anchor(change)
    return found.levels[0].file if change.alone else found.file


def reaching(meshes: Iterable[Mesh], changes: Iterable[Change]) -> tuple[str, ...]:
    """Which environments the edits of `prepare` reach whose text stands for several."""
    known, found = twins(meshes), dict[str, str]()
    for change in changes:
        if change.stage is Stage.prepare and not change.alone and not isinstance(change.action, Create):
            names = dict.fromkeys(twin.mesh for twin in known.get(place(anchor(change)), ()))
            if len(names) > 1:
                found[anchor(change).file] = _some(tuple(names))
    return tuple(f"prepare edits {file}, which reaches {names}." for file, names in found.items())


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def patch(level: Level, kind: str) -> str:
    """The file of what convert changes about an object in an overlay."""
    ending = posixpath.splitext(level.file)[1] or ".yaml"
    return posixpath.join(posixpath.dirname(level.file), f"ambient-{kind.lower()}-{level.name}{ending}")


def json_patch(level: Level, kind: str) -> str:
    """The file of what a merge patch cannot say about it: what lies in lists."""
    stem, ending = posixpath.splitext(patch(level, kind))
    return f"{stem}-json6902{ending}"


def disagreeing(changes: Iterable[Change], known: Mapping[Place, tuple[Twin, ...]]) -> Iterator[tuple[Change, Twin]]:
    """Changes of a text that stands for other objects, too, with one of those that do not change in the same way."""
    changes = tuple(each for each in changes if not each.alone)
    made = {(signature(each), each.mesh, id(anchor(each))) for each in changes}
    for change in changes:
        for twin in known.get(place(anchor(change)), ()):
            if (signature(change), twin.mesh, id(twin.resource)) not in made:
                yield change, twin
                break
