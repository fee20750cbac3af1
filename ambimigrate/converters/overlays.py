"""Changes that go into an overlay, since the text of their object stands for others, too: as patches, and as new resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.changes import Change, Create, Delete, Edit, Set
from ambimigrate.converters import made
from ambimigrate.converters.outcome import written
from ambimigrate.model import Level, Resource, Route
from ambimigrate.yamlio.edit import CannotEdit

DIRECTIVE: Route = ("$patch",)  # of a strategic merge patch of kustomize


def check(change: Change) -> None:
    """Raises CannotEdit unless the change can be written as a patch of mappings: lists are merged by rules of their own."""
    for edit in change.action if isinstance(change.action, tuple) else ():
        value = edit.value if isinstance(edit, Set) else None
        if any(isinstance(step, int) for step in edit.route) or isinstance(value, dict | list):
            place = ".".join(str(step) for step in edit.route)
            raise CannotEdit(
                f"its text stands for several overlays, and {place} lies in a list, which a patch replaces as a whole"
            )


def head(subject: Resource[Any], level: Level) -> dict[str, Any]:
    """The beginning of a patch: what it is about, as the object is called there."""
    metadata = {"name": level.name}
    space = level.namespace or made.own_metadata(subject).get("namespace")
    if space and subject.namespace:
        metadata["namespace"] = str(space)
    return {"apiVersion": written(subject).get("apiVersion"), "kind": subject.kind, "metadata": metadata}


def edits(change: Change) -> Iterator[Edit]:
    """The change in terms of the patch."""
    for edit in change.action if isinstance(change.action, tuple) else ():
        yield Set(edit.route, None) if isinstance(edit, Delete) else edit
    if change.action is None:
        yield Set(DIRECTIVE, "delete")


def created(create: Create, level: Level) -> dict[str, Any]:
    """The new object as it is written in the overlay: with all that the kustomizations below would have done to it."""
    value, metadata = dict(create.value), dict(create.value["metadata"])
    before, _, after = level.name.partition(made.written_name(create.beside))
    if create.beside.kind != "Namespace":
        metadata["name"] = f"{before}{metadata['name']}{after}"
    if level.namespace:
        metadata["namespace"] = level.namespace
    for key, pairs in (("labels", level.labels), ("annotations", level.annotations)):
        if pairs:
            metadata[key] = _with(metadata.get(key) or {}, pairs)
    return value | {"metadata": metadata}


def _with(known: dict[str, str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return known | dict(pairs)
