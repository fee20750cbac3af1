"""Objects that we make: how they are named and marked, and what overlays make of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ambimigrate.changes import FROM
from ambimigrate.converters.outcome import Refused, part, written
from ambimigrate.kinds.delivery import WAVE
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.yamlio import Document


def metadata(name: str, beside: Resource[Any], labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The metadata of an object made from `beside`, in its namespace if its text names one (else the overlay does)."""
    found: dict[str, Any] = {"name": name}
    if namespace := own_metadata(beside).get("namespace"):
        found["namespace"] = namespace
    if labels:
        found["labels"] = dict(labels)
    annotations = {FROM: f"{beside.kind}/{written_name(beside)}"}
    if wave := _annotations(beside).get(WAVE):
        annotations[WAVE] = str(wave)  # what is replaced and what replaces it are applied in one order
    return found | {"annotations": annotations}


def _annotations(resource: Resource[Any]) -> dict[str, Any]:
    found = own_metadata(resource).get("annotations")
    return found if isinstance(found, dict) else {}


def own_metadata(resource: Resource[Any]) -> dict[str, Any]:
    """The metadata that stands in the text."""
    if isinstance(resource.origin, Document):
        return _metadata(resource.origin, resource.base)
    found = written(resource).get("metadata")
    return found if isinstance(found, dict) else {}


@lru_cache(16384)
def _metadata(document: Document, base: Route) -> dict[str, Any]:
    """Of many documents, since names are asked for whenever an object is placed; whole values would fill the memory."""
    found = part(document, base).get("metadata")
    return found if isinstance(found, dict) else {}


def written_name(resource: Resource[Any]) -> str:
    """The name in the text, which an overlay may give a prefix and a suffix."""
    return str(own_metadata(resource).get("name") or resource.name)


def stem(mesh: Mesh, resource: Resource[Any], namespace: str) -> str:
    """What the names of its copies in the namespace begin with: a namesake there has copies of its own."""
    name = written_name(resource)
    taken = resource.namespace != namespace and mesh.find(type(resource.body), namespace, resource.name) is not None
    return f"{resource.namespace}-{name}" if taken else name


def placed(value: Mapping[str, Any], beside: Resource[Any]) -> dict[str, Any]:
    """The object as the mesh will show it: the overlays do to it what they do to the object beside it."""
    own = dict(value["metadata"])
    own["name"] = renamed(own["name"], beside)
    own["namespace"] = beside.namespace or beside.name
    text = own_metadata(beside)
    for key in ("labels", "annotations"):
        known = text.get(key) or {}
        added = {name: each for name, each in getattr(beside.body.metadata, key).items() if known.get(name) != each}
        if merged := {**own.get(key, {}), **added}:
            own[key] = merged
    return {**value, "metadata": own}


def renamed(name: str, beside: Resource[Any]) -> str:
    """The name that an object written as `name` beside this one has in the mesh."""
    text = written_name(beside)
    if beside.kind == "Namespace" or not text:
        return name
    before, found, after = beside.name.partition(text)
    if not found:
        raise Refused(
            "renamed", ("metadata", "name"), f"the overlay calls {text} {beside.name}, which no prefix or suffix explains"
        )
    return f"{before}{name}{after}"


def is_ours(resource: Resource[Any]) -> bool:
    """Whether ambimigrate made the object."""
    return FROM in resource.body.metadata.annotations
