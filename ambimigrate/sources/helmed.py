"""Charts of a tree through `helm template`: which may be rendered, and what came of it, with the places in the templates."""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ambimigrate import yamlio
from ambimigrate.decode import Decoder
from ambimigrate.layout import Placement
from ambimigrate.layout.named import names_a_kind
from ambimigrate.layout.rendered import Made
from ambimigrate.model import Problem
from ambimigrate.sources.chart_dependencies import local
from ambimigrate.sources.chart_files import Chart, Files
from ambimigrate.sources.chart_uses import Use, uses
from ambimigrate.sources.files import Tree
from ambimigrate.topology.charts import Layer, laid
from ambimigrate.topology.releases import mapping
from ambimigrate.yamlio import Document, Unreadable, Values, documents, values

UNKNOWN = "namespace-not-known"  # stands for the namespace of a release that nobody tells
_NAMED = 5  # charts in one sentence
_HOST = re.compile(rf"\.{UNKNOWN}(?:\.svc(?:\.cluster\.local)?)?(?![\w.-])")
_UNVENDORED = "missing in charts/ directory"  # helm, pkg/action/install.go CheckDependencies
_SOURCE = re.compile(r"^# Source: (\S+)", re.MULTILINE)


class Asked(Struct, frozen=True):
    """How charts are to be rendered: auto, always or never, and values files that count more than all others.

    `parse` reads a document, anew or out of what is remembered.
    """

    choice: str
    values: tuple[str, ...] = ()
    parse: Callable[[Document], Values] = yamlio.values


def render_charts(tree: Tree, decoder: Decoder, asked: Asked, inflated: frozenset[str]) -> tuple[str, ...]:
    """Adds the objects of charts to what was decoded; answers with what is to be said about them.

    `inflated` are charts of which kustomizations had the objects rendered.
    """
    files = Files(tree)
    _forget(inflated, decoder)
    taken = {each for each in files.charts if any(f"{each}/".startswith(f"{one}/") for one in inflated)}
    folders = {each for each in files.charts if any(_templates(files, each))} - taken if asked.choice != "never" else set()
    folders |= {each for each in files.charts if any(below in folders for _, below in local(files, each))} - taken
    if not folders:
        return ()
    from ambimigrate.sources import renderers

    helm = renderers.find_helm()
    if helm is None:
        if asked.choice == "always":
            decoder.problems.append(Problem("helm is not on PATH to render charts", tree.root))
        return ()
    more = _given(asked.values, decoder)
    every = list(uses(files, decoder, decoder.namespace))
    parts = {folder for each in every for _, folder in local(files, each.chart.folder)}  # read where they are depended on
    wanted = [each for each in every if each.chart.folder in folders and (each.by or each.chart.folder not in parts)]
    ready = [each for each in wanted if _is_inside(each, tree, decoder)]
    answers = list(zip(ready, renderers.template_all(helm, (_release(each, more, files) for each in ready)), strict=True))
    made = [(use, answer) for use, answer in answers if isinstance(answer, str)]
    done = {use.chart.folder for use, _ in made}
    _forget(done | {folder for each in done for _, folder in local(files, each)}, decoder)
    for use, text in made:
        _add(use, text, files, decoder)
    failed = [(use, answer.reason) for use, answer in answers if isinstance(answer, renderers.Failed)]
    decoder.problems += [_problem(use, reason) for use, reason in failed if _is_problem(use, reason, asked)]
    left = [f"{use.chart.folder} ({reason})" for use, reason in failed if not _is_problem(use, reason, asked)]
    return (*_notes(use for use, _ in made), *_several("not rendered with its own values; --helm-values FILE gives more", left))


def _release(use: Use, more: Mapping[str, Any], files: Files) -> Any:
    from ambimigrate.sources.renderers import Release

    below = tuple((place, files.tree.on_disk(folder)) for place, folder in local(files, use.chart.folder))
    folder = files.tree.on_disk(use.chart.folder)
    return Release(folder, use.name, use.namespace or UNKNOWN, _over(use.values, more), below)


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    nowhere = Document("", 0, 1, "")
    return laid((Layer(under, nowhere), Layer(over, nowhere)))


def _given(names: Iterable[str], decoder: Decoder) -> dict[str, Any]:
    """The values of `--helm-values`, the later files over the earlier ones."""
    found: dict[str, Any] = {}
    for name in names:
        try:
            tree = values(Document(name, 0, 1, Path(name).read_text(encoding="utf-8").removeprefix("\ufeff"))).value
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            decoder.problems.append(Problem(f"--helm-values: {error}", name))
            continue
        found = _over(found, tree if isinstance(tree, dict) else {})
    return found


def _templates(files: Files, folder: str) -> Iterator[str]:
    """The templates of a chart that may make an object of a kind that we read."""
    for name in files.names:
        if name.startswith(posixpath.join(folder, "templates/")):
            text = files.tree.read(files.names[name])
            if isinstance(text, str) and names_a_kind(text):
                yield name


def _is_inside(use: Use, tree: Tree, decoder: Decoder) -> bool:
    """Whether no link leads helm out of the tree."""
    top = os.path.realpath(tree.on_disk(tree.root))
    for place, folders, names in os.walk(tree.on_disk(use.chart.folder)):
        for name in (*folders, *names):
            real = os.path.realpath(f"{place}/{name}")
            if real != top and not real.startswith(top.rstrip(os.sep) + os.sep):
                text = f"chart {use.chart.name} holds a link that leaves the tree; it was not rendered"
                decoder.problems.append(Problem(text, f"{place}/{name}"))
                return False
    return True


def _is_problem(use: Use, reason: str, asked: Asked) -> bool:
    """Whether a failure is one of the input: of a chart that nobody installs so, more values may be all that it needs."""
    return bool(use.by) or asked.choice == "always" or _UNVENDORED in reason


def _problem(use: Use, reason: str) -> Problem:
    who = f" for {use.by}" if use.by else ""
    hint = "; nothing is downloaded: run helm dependency build" if _UNVENDORED in reason else ""
    return Problem(f"helm template{who}: {reason}{hint}", use.file or use.chart.document.file)


def _notes(made: Iterable[Use]) -> Iterator[str]:
    every = tuple(made)
    alone = [each.chart.folder for each in every if not each.by]
    yield from _several("read with its own values, since nothing in the tree installs it", alone)
    unfinished = [f"{each.chart.folder} ({each.by})" for each in every if not each.whole]
    yield from _several("read without some of its values, which are not in the tree", unfinished)


def _several(what: str, charts: list[str]) -> Iterator[str]:
    """One sentence for several charts."""
    if charts:
        more = f" and {len(charts) - _NAMED} more" if len(charts) > _NAMED else ""
        yield f"Helm chart {what}: {', '.join(charts[:_NAMED])}{more}."


def _forget(folders: Collection[str], decoder: Decoder) -> None:
    """What was read of templates that are rendered now: templates without an expression are objects, too."""

    def is_rendered(name: str) -> bool:
        return any(name.startswith((posixpath.join(each, "templates/"), posixpath.join(each, "charts/"))) for each in folders)

    decoder.counts.not_rendered[:] = [name for name in decoder.counts.not_rendered if not is_rendered(name)]
    for resources in decoder.resources.values():
        resources[:] = [each for each in resources if not is_rendered(each.file)]


# --- places ---------------------------------------------------------------------------------------------------------


def _add(use: Use, text: str, files: Files, decoder: Decoder) -> None:
    """The objects of a release, where its folder stands or whoever installs it does."""
    places = [Placement(mesh) for mesh in use.meshes] if use.meshes is not None else decoder.layout.of(use.chart.document.file)
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for source, tree in _objects(use, text):
        kind = str(tree.get("kind"))
        origin = _origin(use.chart, source, kind, counted[source, kind], files)
        counted[source, kind] += 1
        _place(tree, use.namespace)
        for place in places:
            decoder.add_rendered(tree, origin, place)


def _place(tree: dict[str, Any], namespace: str) -> None:
    """Gives the object the namespace of the release if it names none; the stand-in for an unknown one goes."""
    metadata = tree["metadata"] = dict(mapping(tree.get("metadata")))
    if metadata.get("namespace") in {None, "", UNKNOWN}:
        metadata.pop("namespace", None)
        if namespace:
            metadata["namespace"] = namespace


def _objects(use: Use, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The template (as helm calls it) and the value of each object."""
    shown = text if use.namespace else _HOST.sub("", text)  # a name of the same namespace, whichever that is
    for document in documents(use.file, shown):
        found = _SOURCE.search(document.text)
        if names_a_kind(document.text):
            try:
                tree = values(document).value
            except Unreadable:
                continue
            for item in _items(tree):
                yield found[1] if found else "", item


def _items(tree: Any) -> Iterator[dict[str, Any]]:
    listed = mapping(tree).get("items")
    if isinstance(listed, list):
        yield from (each for each in listed if isinstance(each, dict))
    elif isinstance(tree, dict):
        yield tree


def _origin(chart: Chart, source: str, kind: str, number: int, files: Files) -> Made:
    """The place in the template: of several objects of a kind that it writes, the one of that number."""
    file = _in_tree(posixpath.join(chart.folder, source.partition("/")[2]), chart, files)
    text = files.tree.read(files.names[file]) if file in files.names else None
    if not isinstance(text, str):
        return Made(chart.document.file, is_template=True)
    lines = [i for i, line in enumerate(text.splitlines(), 1) if re.match(rf"""[\s-]*["']?kind["']?:\s*["']?{kind}\b""", line)]
    return Made(file, lines[min(number, len(lines) - 1)] if lines else 1, is_template=True)


def _in_tree(file: str, chart: Chart, files: Files) -> str:
    """The file of a template, which may be one of a chart that lies elsewhere in the tree."""
    for place, folder in sorted(local(files, chart.folder), reverse=True):
        begin = posixpath.join(chart.folder, place, "")
        if file.startswith(begin):
            return posixpath.join(folder, file.removeprefix(begin))
    return file
