"""Changes as values: the mesh that changes lead to, without writing a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate.changes import Change, Create
from ambimigrate.converters import made
from ambimigrate.kinds import KINDS
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.trees import edited

# What each change makes of an object, or of nothing: by the change's id, which is kept with it.
Known = dict[tuple[Resource[Any] | None, int], tuple[Change, Resource[Any]]]


def after(mesh: Mesh, changes: Iterable[Change], known: Known | None = None) -> Mesh:
    """The mesh once those of the changes that are about it are made, stage by stage.

    `known` keeps what each change makes, so that the meshes of several states share their objects.
    """
    known = {} if known is None else known
    resources: dict[int, Resource[Any]] = {id(each): each for each in mesh.resources}
    created: dict[Ref, Resource[Any]] = {}
    for change in sorted((each for each in changes if each.mesh == mesh.name), key=lambda each: each.stage):
        if isinstance(change.action, Create):
            created[change.ref] = _kept(known, (None, change), partial(_created, change.action))
        elif change.subject is not None and id(change.subject) in resources:
            if change.action is None:
                del resources[id(change.subject)]
            else:
                subject = resources[id(change.subject)]
                resources[id(change.subject)] = _kept(known, (subject, change), partial(_edited, subject, change))
        elif change.ref in created:  # made by a change of an earlier stage
            found = created.pop(change.ref)
            if change.action is not None:
                created[change.ref] = _kept(known, (found, change), partial(_edited, found, change))
    return replace(mesh, resources=(*resources.values(), *created.values()), _memo={})


def _kept(known: Known, key: tuple[Resource[Any] | None, Change], make: Callable[[], Resource[Any]]) -> Resource[Any]:
    """What a change makes of an object, or of nothing; by identity, since changes hold what has no hash."""
    resource, change = key
    if (resource, id(change)) not in known:
        known[resource, id(change)] = change, make()
    return known[resource, id(change)][1]


def _edited(resource: Resource[Any], change: Change) -> Resource[Any]:
    tree = msgspec.to_builtins(resource.body)
    for edit in change.action if isinstance(change.action, tuple) else ():
        tree = edited(tree, edit)
    return replace(resource, body=msgspec.convert(tree, type(resource.body)))


def _created(create: Create) -> Resource[Any]:
    value = made.placed(create.value, create.beside)
    view = KINDS[create.ref.group, create.ref.kind]
    folder = create.beside.file.rpartition("/")[0]
    file = f"{folder}/{create.ref.name}.yaml" if folder else f"{create.ref.name}.yaml"
    document = Document(file, 0, 1, msgspec.json.encode(value).decode())
    return Resource(create.ref, msgspec.convert(value, view), document, (), create.beside.shared)
