"""Kustomizations of a tree through the real renderer: which of them may be rendered, and what came of it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ambimigrate.layout.inflated import can_inflate, charts
from ambimigrate.layout.kustomize import Following, Kustomization
from ambimigrate.layout.named import names_a_kind
from ambimigrate.layout.rendered import Place, Rendering, rendering
from ambimigrate.model import Problem
from ambimigrate.sources.files import Tree
from ambimigrate.sources.helmed import Asked
from ambimigrate.yamlio import Unreadable, documents, values

INFLATING = ("helmCharts", "helmChartInflationGenerator")


class Rendered:
    """Renders the root kustomizations of a tree; `problems` says afterwards which could not be."""

    def __init__(self, tree: Tree, asked: Asked) -> None:
        self.tree, self.asked, self.choice = tree, asked, asked.choice
        self.problems: list[Problem] = []
        self.inflated: set[str] = set()  # charts that kustomizations had rendered
        self.built: dict[Path, Any] = {}  # what a tree that is read twice need not be asked for again

    def __call__(self, following: Following) -> Mapping[str, Rendering]:
        """What was made of each root folder."""
        self.problems = []
        wanted = self._roots(following) if self.choice != "never" else {}
        if not wanted:
            return {}
        from ambimigrate.sources import renderers

        renderer = renderers.find()
        if renderer is None:
            if self.choice == "always":
                self.problems.append(
                    Problem("neither kustomize nor kubectl is on PATH to render kustomizations", self.tree.root)
                )
            return {}
        roots = {
            folder: parts[0].file for folder, parts in wanted.items() if all(self._is_inside(each.folder) for each in parts)
        }
        places = {folder: self.tree.on_disk(folder) for folder in roots}
        self._build(renderer, wanted, places)
        found = {}
        for folder, file in roots.items():
            result = self.built[places[folder]]
            if isinstance(result, renderers.Failed):
                text = f"kustomize: {result.reason}; patches and generators were not applied"
                self.problems.append(Problem(text, file))
            else:
                place = Place(self.tree.root, os.path.realpath(self.tree.on_disk(self.tree.root)), result.base)
                found[folder] = rendering(file, _trees(file, result.text), place)
                self.inflated |= {chart for part in wanted[folder] for _, chart in charts(part)}
        return found

    def _build(self, renderer: Any, wanted: Mapping[str, tuple[Kustomization, ...]], places: Mapping[str, Path]) -> None:
        """Builds what is not built yet, with helm only what has charts."""
        from ambimigrate.sources import renderers

        helm = renderers.find_helm()
        left = {folder: place for folder, place in places.items() if place not in self.built}
        inflating = [place for folder, place in left.items() if any(any(charts(each)) for each in wanted[folder])]
        self.built |= renderers.build_all(renderer, (each for each in left.values() if each not in inflating))
        if helm is not None and inflating:
            self.built |= renderers.build_all(replace(renderer, helm=helm.command[0]), inflating)

    @property
    def is_possible(self) -> bool:
        """Whether kustomizations with patches can be read."""
        from ambimigrate.sources import renderers

        return self.choice != "never" and renderers.find() is not None

    def _roots(self, following: Following) -> Mapping[str, tuple[Kustomization, ...]]:
        """The roots that need a renderer, with their kustomizations."""
        found = {}
        for folder, parts in following.parts.items():
            if any(each.file in following.broken for each in parts):
                continue  # a remote base would be downloaded, a missing one fails; both are named already
            if any(each.spec.get(key) for each in parts for key in INFLATING) and not self._can_inflate(parts):
                continue  # kustomize would run helm, which would download charts; named already
            if any(each.needs_renderer for each in parts):
                found[folder] = parts
        return found

    def _can_inflate(self, parts: Iterable[Kustomization]) -> bool:
        from ambimigrate.sources import renderers

        files = {self.tree.shown(name) for name in self.tree.files}
        folders = (folder for each in parts for _, folder in charts(each))
        is_whole = renderers.find_helm() is not None and all(can_inflate(each, files) for each in parts)
        return is_whole and all(self._is_inside(below) for folder in folders for below in self._below(folder))

    def _below(self, folder: str) -> Iterator[str]:
        """All that lies in a folder, where a link may lead out of the tree."""
        for place, folders, names in os.walk(self.tree.on_disk(folder)):
            below = posixpath.join(folder, os.path.relpath(place, self.tree.on_disk(folder)).replace(os.sep, "/"))
            yield from (posixpath.normpath(posixpath.join(below, name)) for name in (*folders, *names))

    def _is_inside(self, folder: str) -> bool:
        top, real = (os.path.realpath(self.tree.on_disk(each)) for each in (self.tree.root, folder))
        return real == top or real.startswith(top.rstrip(os.sep) + os.sep)


def _trees(file: str, text: str) -> Iterator[dict[str, Any]]:
    for document in documents(file, text):
        if names_a_kind(document.text):
            try:
                tree = values(document).value
            except Unreadable:
                continue
            if isinstance(tree, dict):
                yield tree
