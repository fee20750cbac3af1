"""Kustomizations of a tree through the real renderer: which of them may be rendered, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ambimigrate.decode import names_a_kind
from ambimigrate.layout.kustomize import Following, Kustomization
from ambimigrate.layout.rendered import Place, Rendering, rendering
from ambimigrate.model import Problem
from ambimigrate.sources.files import Tree
from ambimigrate.sources.helmed import Asked
from ambimigrate.yamlio import Unreadable, documents, values


class Rendered:
    """Renders the root kustomizations of a tree; `problems` says afterwards which could not be."""

    def __init__(self, tree: Tree, asked: Asked) -> None:
        self.tree, self.asked, self.choice = tree, asked, asked.choice
        self.problems: list[Problem] = []
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
        self.built |= renderers.build_all(renderer, (each for each in places.values() if each not in self.built))
        found = {}
        for folder, file in roots.items():
            result = self.built[places[folder]]
            if isinstance(result, renderers.Failed):
                text = f"kustomize: {result.reason}; patches and generators were not applied"
                self.problems.append(Problem(text, file))
            else:
                place = Place(self.tree.root, os.path.realpath(self.tree.on_disk(self.tree.root)), result.base)
                found[folder] = rendering(file, _trees(file, result.text), place)
        return found

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
            if any(each.spec.get(key) for each in parts for key in ("helmCharts", "helmChartInflationGenerator")):
                continue  # kustomize would run helm, which would download charts; named already
            if any(each.needs_renderer for each in parts):
                found[folder] = parts
        return found

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
