"""Changes that go into an overlay, since the text of their object stands for others, too: as patches, and as new resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.changes import Change, Create, Delete, Edit, Set
from ambimigrate.converters import made
from ambimigrate.converters.outcome import written
from ambimigrate.model import Level, Resource, Route

DIRECTIVE: Route = ("$patch",)  # of a strategic merge patch of kustomize


def head(subject: Resource[Any], level: Level) -> dict[str, Any]:
    """The beginning of a patch: what it is about, as the object is called there."""
    metadata = {"name": level.name}
    space = level.namespace or made.own_metadata(subject).get("namespace")
    if space and subject.namespace:
        metadata["namespace"] = str(space)
    return {"apiVersion": written(subject).get("apiVersion"), "kind": subject.kind, "metadata": metadata}


def naming(subject: Resource[Any]) -> str:
    """The first place in an overlay that names the object."""
    place = subject.addressed[0] if subject.addressed else None
    return f"{place.file}:{place.line}" if place else "an overlay"


def entry(subject: Resource[Any], level: Level, file: str) -> dict[str, Any]:
    """How a kustomization names a JSON patch: with what it is about."""
    found = head(subject, level)
    group, _, version = str(found["apiVersion"]).rpartition("/")
    target = {"group": group, "version": version, "kind": found["kind"], **found["metadata"]}
    return {"path": file, "target": {key: value for key, value in target.items() if value}}


def edits(change: Change, merged: Iterable[Edit]) -> Iterator[Edit]:
    """The change in terms of a merge patch."""
    for each in merged:
        yield Set(each.route, None) if isinstance(each, Delete) else each
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
