"""What a renderer made of a kustomization: its objects by the file that each comes from, and those that no file explains."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from ambimigrate.model import Position, Route

Tree = dict[str, Any]

ORIGIN = "config.kubernetes.io/origin"  # kustomize, `buildMetadata: [originAnnotations]`


class Rendering(Struct, eq=False):
    """The objects that one root kustomization applies; `left` are those that nobody has asked for yet."""

    file: str  # the kustomization
    by_file: Mapping[str, list[Tree]]
    taken: set[int] = field(default_factory=set)

    def take(self, file: str, predicted: Tree) -> Tree | None:
        """What became of an object of a file, which the simple transformers made `predicted`; None if a patch took it out."""
        wanted = _name(predicted)
        for tree in self.by_file.get(file, ()):
            if id(tree) not in self.taken and _name(tree) == wanted:
                self.taken.add(id(tree))
                return tree
        return None

    @property
    def left(self) -> Iterator[tuple[str, Tree]]:
        """The objects that came from no document of the tree as it stands, with the file that made them."""
        for file, trees in self.by_file.items():
            yield from ((file or self.file, tree) for tree in trees if id(tree) not in self.taken)


class Place(Struct, frozen=True):
    """A tree as it is shown, where it really lies, and the folder to which the renderer's paths are relative."""

    root: str
    real: str
    base: str

    def shown(self, path: str) -> str:
        """The path of an origin as files of the tree are called; empty if it lies elsewhere."""
        full = posixpath.normpath(posixpath.join(self.base, path))
        if not full.startswith(self.real.rstrip("/") + "/"):
            return ""
        return posixpath.normpath(posixpath.join(self.root, posixpath.relpath(full, self.real)))


class Made(Struct, frozen=True):
    """The origin of an object that a renderer made: the file that asks for it, or a place in the template behind it."""

    file: str
    line: int = 1
    is_template: bool = False

    def at(self, route: Route) -> Position:
        """That place, whatever the route."""
        return Position(self.file, self.line, None, route)


def rendering(file: str, trees: Iterable[Tree], place: Place) -> Rendering:
    """Sorts what was rendered by origin."""
    found: dict[str, list[Tree]] = defaultdict(list)
    for tree in trees:
        found[_origin(tree, place)].append(tree)
    return Rendering(file, found)


def _origin(tree: Tree, place: Place) -> str:
    """The file of an object, with its annotation taken off; empty for what a generator made."""
    metadata = tree.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    text = annotations.pop(ORIGIN, "") if isinstance(annotations, dict) else ""
    if isinstance(metadata, dict) and annotations == {}:
        del metadata["annotations"]
    for line in str(text).splitlines():
        name, _, path = line.partition(": ")
        if name in {"path", "configuredIn"} and path:
            return place.shown(path.strip("\"' "))
    return ""


def _name(tree: Tree) -> tuple[str, str, str]:
    metadata = tree.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    return str(tree.get("kind")), str(own.get("namespace") or ""), str(own.get("name") or own.get("generateName"))


def differing(before: Any, after: Any, route: Route = ()) -> Iterator[Route]:
    """The routes at which two values differ; a list of another length differs as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            if key in before and key in after:
                yield from differing(before[key], after[key], (*route, key))
            else:
                yield (*route, key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differing(one, other, (*route, number))
    elif before != after:
        yield route
