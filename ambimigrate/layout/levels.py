"""What an object is by the time that it comes to the kustomizations in which it can be changed alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.layout import Placement
from ambimigrate.layout.transform import apply
from ambimigrate.model import Level, Position


def levels_of(placement: Placement, tree: dict[str, Any]) -> Iterator[Level]:
    """The levels of one object of a file that is placed so."""
    for file, below, is_last in placement.levels:
        steps, placed = placement.transforms[:below], tree
        for transform in steps:
            placed = apply(transform, placed)
        metadata = placed["metadata"] if isinstance(placed.get("metadata"), dict) else {}
        space = next((each.namespace for each in reversed(steps) if each.namespace), "")
        labels = tuple(pair for each in steps for part in each.labels for pair in part.pairs)
        annotations = tuple(pair for each in steps for pair in each.annotations)
        yield Level(file, str(metadata.get("name")), space, labels, annotations, is_last)


def addressed(placement: Placement, tree: dict[str, Any]) -> tuple[Position, ...]:
    """Where kustomizations name the object, by any name that it has on the way."""
    if not placement.addresses:
        return ()
    names, placed = {_name(tree)}, tree
    for transform in placement.transforms:
        placed = apply(transform, placed)
        names.add(_name(placed))
    return tuple(each.position for each in placement.addresses if each.is_about(str(tree.get("kind")), names))


def _name(tree: dict[str, Any]) -> str:
    metadata = tree.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""
