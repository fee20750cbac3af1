"""The charts of a tree and their values files, found by name and read when somebody asks."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from ambimigrate.model import shared_path
from ambimigrate.sources.files import Tree
from ambimigrate.topology import charts
from ambimigrate.topology.charts import Layer
from ambimigrate.topology.releases import mapping
from ambimigrate.yamlio import Document, Unreadable, values

CHART, REQUIREMENTS = "Chart.yaml", "requirements.yaml"
_TEMPLATE = re.compile(r"^\s*\{\{", re.MULTILINE)  # lines that a template brings about


class Dependency(Struct, frozen=True):
    """A chart that we know inside of another one: under which key its values stand, and what switches it off."""

    chart: str
    said: str
    key: str
    version: str
    place: tuple[str | int, ...]
    condition: str


class Chart(Struct, frozen=True):
    """A chart in the tree: its file, its name, and those of its dependencies that we know."""

    document: Document
    name: str
    dependencies: tuple[Dependency, ...]

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.document.file)


class Files:
    """The files of a tree by the names that are shown, and what is read of them here."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.names = tree, {tree.shown(name): name for name in tree.files}
        self.read: set[str] = set()

    @cached_property
    def by_base(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(posixpath.basename(name), []).append(name)
        return found

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Every folder that holds a file, and those above it."""
        found: set[str] = set()
        for name in self.names:
            while (name := posixpath.dirname(name)) not in {"", "/", *found}:
                found.add(name)
        return tuple(sorted(found))

    @cached_property
    def charts(self) -> Mapping[str, Chart]:
        """The charts that are or hold one that we know, by folder."""
        found = (self._chart(name) for name in self.by_base.get(CHART, ()))
        return {each.folder: each for each in found if each is not None}

    def _chart(self, name: str) -> Chart | None:
        document = self.document(name)
        tree = mapping(parsed(document)) if document else {}
        if document is None or not isinstance(tree.get("name"), str):
            return None
        dependencies = tuple(_dependencies(tree.get("dependencies")))
        if not dependencies and (other := self.document(posixpath.join(posixpath.dirname(name), REQUIREMENTS))):
            dependencies = tuple(_dependencies(mapping(parsed(other)).get("dependencies")))
        return Chart(document, tree["name"], dependencies)

    def document(self, name: str) -> Document | None:
        """A file as one document, None if it is not in the tree, cannot be read, or is no plain YAML."""
        text = self.tree.read(self.names[name]) if name in self.names else None
        return Document(name, 0, 1, text.removeprefix("\ufeff")) if isinstance(text, str) else None

    def layer(self, name: str) -> Layer | None:
        """The values in a file; None of one that is odd."""
        document = self.document(name)
        tree = parsed(document) if document else None
        if document is None or not isinstance(tree, dict) or _TEMPLATE.search(document.text):
            return None
        self.read.add(name)
        return Layer(tree, document)

    def found(self, path: str, near: str) -> str | None:
        """The file of a path from the root of its repository, which may lie above or below the root of the tree."""
        wanted = posixpath.normpath(path.lstrip("/"))
        ends = [each for each in self.by_base.get(posixpath.basename(wanted), ()) if f"/{each}".endswith(f"/{wanted}")]
        return max(ends, key=lambda each: (shared_path(each, near), each), default=None)

    def folder(self, path: str, near: str) -> Chart | None:
        """The chart in a folder, by the same kind of path."""
        found = self.found(posixpath.join(path, CHART), near) if path and "://" not in path else None
        return self.charts.get(posixpath.dirname(found)) if found else None


def parsed(document: Document) -> Any:
    try:
        return values(document).value
    except Unreadable:
        return None


def _dependencies(listed: Any) -> Iterator[Dependency]:
    for i, each in enumerate(listed if isinstance(listed, list) else ()):
        name, said = str(mapping(each).get("name")), str(mapping(each).get("repository") or "")
        if charts.known(name, said):
            key, condition = str(each.get("alias") or name), str(each.get("condition") or "")
            yield Dependency(name, said, key, str(each.get("version") or ""), ("dependencies", i, "version"), condition)
