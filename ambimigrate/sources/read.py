"""Files to meshes: finds the layout of each tree, then decodes one file after the other."""

from __future__ import annotations

import gc
import posixpath
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ambimigrate.decode import Counts, Decoder, Reading
from ambimigrate.layout import Help, Layout, lay_out
from ambimigrate.layout.addressed import Address, addresses
from ambimigrate.layout.kustomize import FILE_NAMES, NAMING, Kustomization, patched
from ambimigrate.layout.named import named
from ambimigrate.layout.patches import touches
from ambimigrate.layout.transform import REFERRED
from ambimigrate.model import Mesh, Problem, Target
from ambimigrate.sources.applied import Applied, applied
from ambimigrate.sources.charts import read_charts
from ambimigrate.sources.files import Tree, trees
from ambimigrate.sources.helmed import Asked, render_charts
from ambimigrate.sources.kustomized import Rendered
from ambimigrate.yamlio import Document, Unreadable, Values, documents, values

if TYPE_CHECKING:
    from ambimigrate.sources.config import Config


def read_files(
    paths: Iterable[str], target: Target, namespace: str = "", config: Config | None = None, render: Asked | str = "never"
) -> Reading:
    """The meshes of all paths together; `config` may name the folders of each mesh and exclude files.

    `render` says whether kustomizations and charts go through the real renderers: auto (where they are on PATH), always or
    never; and with which values charts do.
    """
    return read_trees(trees(paths), target, namespace, config, Asked(render) if isinstance(render, str) else render)


def read_trees(origins: Iterable[Tree], target: Target, namespace: str, config: Config | None, asked: Asked) -> Reading:
    """The meshes of all trees together, wherever their texts come from."""
    collecting = gc.isenabled()
    gc.disable()  # nothing that is made while reading becomes garbage in circles; the collector costs a third of the time
    try:
        return combined([_tree(tree, target, namespace, config, asked) for tree in origins], target)
    finally:
        gc.freeze()  # what was read stays until the end; no later collection looks at it
        if collecting:
            gc.enable()


def _tree(tree: Tree, target: Target, namespace: str, config: Config | None, asked: Asked) -> Reading:
    if config is not None and config.exclude:
        _exclude(tree, config)
    skipped = tree.skipped.copy()
    rendering = Rendered(tree, asked)
    decoder = _decoded(tree, namespace, config, rendering, Applied())
    found = applied(decoder, map(tree.shown, tree.files))
    if found.meshes or found.spaces:  # Argo CD or Flux say where folders belong, which only reading them tells
        tree.skipped = skipped
        decoder = _decoded(tree, namespace, config, rendering, found)
    said = render_charts(tree, decoder, asked, frozenset(rendering.inflated))
    read_charts(tree, decoder)
    decoder.counts.skipped += tree.skipped
    how = "what Argo CD and Flux apply" if found.meshes and not (config and config.paths) else "the names of folders"
    return decoder.reading(target, (*_notes(decoder.layout, how), *said))


def _decoded(tree: Tree, namespace: str, config: Config | None, rendering: Rendered, found: Applied) -> Decoder:
    kustomizations, problems = _kustomizations(tree, rendering.asked.parse)
    shown = [tree.shown(name) for name in tree.files]
    charts = frozenset(posixpath.dirname(name) for name in shown if posixpath.basename(name) == "Chart.yaml")
    folders = config.folders_below(tree.root or ".") if config else None
    ask = Help(_Names(tree), rendering, rendering.is_possible, found.meshes, found.spaces, _Addresses(tree))
    layout = lay_out(shown, kustomizations, folders, root=tree.root, ask=ask)
    decoder = Decoder(layout, namespace, lambda name: _is_template(name, charts), rendering.asked.parse)
    decoder.problems += [
        *tree.problems,
        *problems,
        *rendering.problems,
        *_patches((each for each in kustomizations if each.file not in layout.rendered), tree),
    ]
    for name in tree.files:
        if name.endswith(FILE_NAMES) and posixpath.basename(name) in FILE_NAMES and not _is_templated(tree, name):
            decoder.counts.files += 1
            decoder.counts.skipped["kustomization"] += 1
            continue
        text = tree.read(name)
        if isinstance(text, Problem):
            decoder.problems.append(text)
        else:
            decoder.add(tree.shown(name), text)
    decoder.add_made()
    return decoder


def _exclude(tree: Tree, config: Config) -> None:
    kept = [name for name in tree.files if not config.is_excluded(tree.shown(name))]
    tree.skipped["excluded by configuration"] += len(tree.files) - len(kept)
    tree.files[:] = kept


class _Names:
    """The objects of a file that others refer to by name, read ahead where a kustomization changes names."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.files = tree, {tree.shown(name): name for name in tree.files}
        self.known: dict[str, tuple[tuple[str, str], ...]] = {}

    def __call__(self, file: str) -> tuple[tuple[str, str], ...]:
        if file not in self.known:
            text = self.tree.read(self.files[file])
            self.known[file] = tuple(named(file, text, REFERRED)) if isinstance(text, str) else ()
        return self.known[file]


class _Addresses:
    """Which objects each kustomization names, asked for those that something passes through."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.files = tree, {tree.shown(name): name for name in tree.files}
        self.known: dict[str, tuple[Address, ...]] = {}

    def __call__(self, each: Kustomization) -> tuple[Address, ...]:
        if each.file not in self.known:
            self.known[each.file] = tuple(addresses(each, lambda path: self._text(each, path)))
        return self.known[each.file]

    def _text(self, each: Kustomization, path: str) -> str:
        """The text of a patch: of a file of the tree, or what stands in place of its path."""
        name = self.files.get(posixpath.normpath(posixpath.join(each.folder, path)))
        text = self.tree.read(name) if name else path
        return text if isinstance(text, str) else ""


def _is_template(name: str, charts: frozenset[str]) -> bool:
    folder, found, _ = name.rpartition("/templates/")
    return bool(found) and (folder in charts or not charts.isdisjoint(_parents(folder)))


def _parents(folder: str) -> Iterator[str]:
    while folder not in {"", "/"}:
        folder = posixpath.dirname(folder)
        yield folder


def _notes(layout: Layout, how: str) -> Iterator[str]:
    if len(layout.meshes) > 1:
        places = ", ".join(f"{mesh} ({_first(layout, mesh)})" for mesh in layout.meshes)
        taken = f"Taken for {len(layout.meshes)} environments by {how}: {places}."
        yield f"{taken} `meshes:` in .ambimigrate.yaml says otherwise."


def _first(layout: Layout, mesh: str) -> str:
    folders = sorted(folder for folder, name in layout.folders.items() if name == mesh)
    return folders[0] + (" …" if len(folders) > 1 else "")


def _kustomizations(tree: Tree, parse: Callable[[Document], Values] = values) -> tuple[list[Kustomization], list[Problem]]:
    names = (name for name in tree.files if posixpath.basename(name) in FILE_NAMES and not _is_templated(tree, name))
    read = [_kustomization(tree, name, parse) for name in names]
    return [each for each in read if isinstance(each, Kustomization)], [each for each in read if isinstance(each, Problem)]


def _is_templated(tree: Tree, name: str) -> bool:
    """Whether a chart makes the file: a template of a Kustomization of Flux may have its name."""
    text = tree.read(name) if "/templates/" in f"/{name}" else ""
    return isinstance(text, str) and "{{" in text


def _kustomization(tree: Tree, name: str, parse: Callable[[Document], Values]) -> Kustomization | Problem:
    text, shown = tree.read(name), tree.shown(name)
    if isinstance(text, Problem):
        return text
    document = next((each for each in documents(shown, text.removeprefix("\ufeff")) if each.text.strip()), None)
    try:
        spec = parse(document).value if document else None
    except Unreadable as error:
        return Problem(error.message, shown, error.line)
    if not isinstance(spec, dict):
        spec = {}
    lines = _lines(document, spec) if document else {}
    return Kustomization(shown, posixpath.dirname(shown), spec, lines)


def _lines(document: Document, spec: dict[str, Any]) -> dict[str, int]:
    """The line of each field, and of each entry that names objects."""
    entries = [(key, number) for key in NAMING if isinstance(spec.get(key), list) for number in range(len(spec[key]))]
    found = {key: document.at((key,)).line or 1 for key in spec}
    return found | {f"{key}.{number}": document.at((key, number)).line or 1 for key, number in entries}


def _patches(kustomizations: Iterable[Kustomization], tree: Tree) -> Iterator[Problem]:
    """Each patch of an object of a kind that we read: without a renderer it is not applied."""
    files = {tree.shown(name): name for name in tree.files}
    for each in kustomizations:
        for patch, target, line in patched(each):
            text: str | Problem | None = patch
            if "\n" not in patch:
                name = files.get(posixpath.normpath(posixpath.join(each.folder, patch)))
                text = tree.read(name) if name else None
            if text is None:
                yield Problem(f"patch {patch} is not in the tree", each.file, line)
            elif kind := touches(target, text if isinstance(text, str) else ""):
                what = "an inline patch" if "\n" in patch else f"patch {patch}"
                yield Problem(f"{what} changes {kind} and is not applied without a renderer", each.file, line, each.namespace)


def combined(readings: list[Reading], target: Target) -> Reading:
    """Several inputs as one: meshes of one name are joined, and what belongs to no environment is shared by all."""
    if len(readings) == 1:
        return readings[0]
    names = sorted({mesh.name for reading in readings for mesh in reading.meshes if mesh.name}) or [""]
    counts = Counts()
    for reading in readings:
        counts.files += reading.counts.files
        counts.documents += reading.counts.documents
        counts.objects += reading.counts.objects
        counts.skipped += reading.counts.skipped
        counts.not_rendered += reading.counts.not_rendered
    nothing = Decoder(lay_out((), ()), "").reading(target).problems
    problems = tuple(dict.fromkeys(p for reading in readings for p in reading.problems if p not in nothing))
    if not counts.objects and not problems:
        problems = nothing
    meshes = tuple(_joined(name, readings, target) for name in names)
    marked = tuple(each for reading in readings for each in reading.marked)
    return Reading(meshes, problems, counts, None, tuple(note for reading in readings for note in reading.notes), marked)


def _joined(name: str, readings: list[Reading], target: Target) -> Mesh:
    parts = [mesh for reading in readings for mesh in reading.meshes if mesh.name in {name, ""}]
    resources = tuple(resource for part in parts for resource in part.resources)
    return Mesh(name, resources, target, tuple(dict.fromkeys(p for part in parts for p in part.problems)))
