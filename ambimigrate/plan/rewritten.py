"""A mesh after changes with the texts that they lead to, so that further changes can be tried on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Edit
from ambimigrate.converters.json_patches import from_the_end
from ambimigrate.editable import based
from ambimigrate.model import Mesh, Resource
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.edit import CannotEdit, apply

Start = tuple[str, int]  # file, and where the document begins in it


def rewritten(mesh: Mesh, changes: Iterable[Change]) -> Mesh:
    """The mesh, its documents edited; what overlays change, or take out of a List, keeps the text that it had."""
    texts = _texts(change for change in changes if change.mesh == mesh.name and not change.alone)
    if not texts:
        return mesh
    return replace(mesh, resources=tuple(_of(each, texts) for each in mesh.resources), _memo={})


def _of(resource: Resource[Any], texts: Mapping[Start, Document]) -> Resource[Any]:
    origin = resource.origin
    found = texts.get((origin.file, origin.start)) if type(origin) is Document else None
    return resource if found is None else replace(resource, origin=found)


def _texts(changes: Iterable[Change]) -> dict[Start, Document]:
    found: dict[Start, Document] = {}
    lost: set[Start] = set()
    for (_, start), (document, edits) in sorted(_edits(changes).items(), key=lambda pair: pair[0][0]):
        try:
            before = found.get(start, document)
            found[start] = replace(before, text=apply(before, from_the_end(edits)))
        except CannotEdit:
            lost.add(start)
    return {start: document for start, document in found.items() if start not in lost}


def _edits(changes: Iterable[Change]) -> dict[tuple[int, Start], tuple[Document, dict[Edit, None]]]:
    """The edits of each document, stage by stage, each once."""
    found: dict[tuple[int, Start], tuple[Document, dict[Edit, None]]] = {}
    for change in changes:
        origin = change.subject.origin if change.subject is not None else None
        if type(origin) is Document and change.action is not None:
            _, edits = found.setdefault((change.stage, (origin.file, origin.start)), (origin, {}))
            edits.update(dict.fromkeys(based(change)))
    return found
