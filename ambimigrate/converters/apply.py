"""Changes as values: the mesh that changes lead to, without writing a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate.changes import Change, Create
from ambimigrate.converters import made
from ambimigrate.kinds import KINDS
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.trees import edited


def after(mesh: Mesh, changes: Iterable[Change]) -> Mesh:
    """The mesh once those of the changes that are about it are made, stage by stage."""
    resources: dict[int, Resource[Any]] = {id(each): each for each in mesh.resources}
    created: dict[Ref, Resource[Any]] = {}
    for change in sorted((each for each in changes if each.mesh == mesh.name), key=lambda each: each.stage):
        if isinstance(change.action, Create):
            created[change.ref] = _created(change.action)
        elif change.subject is not None and id(change.subject) in resources:
            if change.action is None:
                del resources[id(change.subject)]
            else:
                resources[id(change.subject)] = _edited(resources[id(change.subject)], change)
        elif change.ref in created:  # made by a change of an earlier stage
            found = created.pop(change.ref)
            if change.action is not None:
                created[change.ref] = _edited(found, change)
    return replace(mesh, resources=(*resources.values(), *created.values()), _memo={})


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
