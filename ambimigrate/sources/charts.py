"""Values files of the charts that we know: of umbrella charts, and those that Flux, Argo CD or helmfile name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.decode import Decoder
from ambimigrate.kinds import Application, ApplicationSet, HelmRelease, HelmValues
from ambimigrate.model import Resource
from ambimigrate.sources.chart_files import CHART, Chart, Files, parsed
from ambimigrate.sources.files import TEMPLATED, Tree
from ambimigrate.topology import charts, releases
from ambimigrate.topology.charts import Layer, Release
from ambimigrate.topology.releases import mapping
from ambimigrate.yamlio import Document

HELMFILES = ("helmfile.yaml", "helmfile.yml")
_SUFFIXES = (".yaml", ".yml")


def read_charts(tree: Tree, decoder: Decoder) -> None:
    """Adds the values of the charts that we know to what was decoded."""
    if releases.INSTALLERS.isdisjoint(decoder.counts.objects) and not any(_may_install(name) for name in tree.files):
        return
    files, used = Files(tree), set[str]()
    for mesh, resources in decoder.resources.items():
        found = [each for one in resources for each in _named(one, files, used)]
        decoder.resources[mesh] = resources + sorted(found, key=lambda each: (each.file, each.ref))
    loose = [*_helmfiles(files, decoder, used), *_umbrellas(files, used)]
    for each in sorted(loose, key=lambda each: (each.file, each.ref)):
        decoder.place(each)
    if files.read:
        decoder.counts.skipped["values of a chart"] += len(files.read)
        decoder.counts.skipped["no object"] -= len(files.read)
        decoder.counts.skipped = +decoder.counts.skipped


def _may_install(name: str) -> bool:
    return name.endswith((CHART, *HELMFILES)) or "helmfile.d/" in name


def _named(resource: Resource[Any], files: Files, used: set[str]) -> Iterator[Resource[HelmValues]]:
    """The releases of an object for which files have to be read: their values, or the chart itself."""
    match resource.body:
        case HelmRelease():
            for release in releases.of(resource, {}):
                yield from _local(release, files, used)
        case Application() | ApplicationSet():
            for route, source in releases.sources(resource):
                yield from _of_source(resource, source, route, files, used)


def _of_source(
    resource: Resource[Any], source: dict[str, Any], route: tuple[str | int, ...], files: Files, used: set[str]
) -> Iterator[Resource[HelmValues]]:
    listed = bool(mapping(source.get("helm")).get("valueFiles"))
    yield from _local(of_source(resource, source, route, files), files, used, always=listed)


def of_source(resource: Resource[Any], source: dict[str, Any], route: tuple[str | int, ...], files: Files) -> Release:
    """What a source of an Application installs, with the values of the files that it names."""
    listed = mapping(source.get("helm")).get("valueFiles")
    folder = "" if source.get("chart") else str(source.get("path") or "")
    layers, whole = list[Layer](), not releases.unfinished(source.get("helm"))
    for each in listed if isinstance(listed, list) else ():
        path = str(each).partition("/")[2] if str(each).startswith("$") else posixpath.join(folder, str(each))
        layer = files.layer(name) if (name := files.found(path, resource.file)) else None
        whole = whole and layer is not None
        layers += [layer] if layer else []
    layers += releases.inline(resource, source, route)
    return releases.argo_release(resource, source, route, tuple(layers), whole)


def _local(release: Release, files: Files, used: set[str], *, always: bool = False) -> Iterator[Resource[HelmValues]]:
    """A release of a chart in the tree, with that chart's own values below; of any other one only if `always`."""
    chart = files.folder(release.chart, release.source.file)
    if chart is not None:
        used.add(chart.folder)
        own = files.layer(posixpath.join(chart.folder, "values.yaml"))
        release = replace(release, layers=((own,) if own else ()) + release.layers)
        yield from _of_chart(release, chart)
    elif always and (found := charts.resource(release)):
        yield found


def _of_chart(release: Release, chart: Chart) -> Iterator[Resource[HelmValues]]:
    if found := charts.resource(replace(release, chart=chart.name)):
        yield found
    laid = charts.laid(release.layers)
    for each in chart.dependencies:
        if not each.condition or _is_on(laid, each.condition):
            parts = tuple(part for layer in release.layers for part in layer.below(each.key))
            made = replace(release, chart=each.chart, said=each.said, version=each.version, layers=parts)
            if found := charts.resource(replace(made, source=chart.document, version_route=each.place)):
                yield found


def _is_on(tree: Any, condition: str) -> bool:
    """Whether a dependency is switched on: the first of its conditions that says anything decides, as in helm."""
    for path in condition.split(","):
        found = tree
        for step in path.strip().split("."):
            found = mapping(found).get(step)
        if isinstance(found, bool):
            return found
    return True


def _umbrellas(files: Files, used: set[str]) -> Iterator[Resource[HelmValues]]:
    """Umbrella charts that nothing in the tree installs: once for each of the values files beside them."""
    for folder, chart in files.charts.items():
        if folder in used or not chart.dependencies or is_vendored(files, folder):
            continue
        base, others = files.layer(posixpath.join(folder, "values.yaml")), sorted(_beside(files, folder))
        pairs = [(base, files.layer(name)) for name in others] or [(base, None)]
        for pair in pairs:
            found = tuple(each for each in pair if each)
            ref = releases.file_ref("HelmValues", chart.name)
            yield from _of_chart(Release(ref, "", "", "", chart.document, (), found), chart)


def is_vendored(files: Files, folder: str) -> bool:
    """Whether another chart brings the chart along; that one's values say more."""
    above, name = posixpath.split(posixpath.dirname(folder))
    return name == "charts" and posixpath.join(above, CHART) in files.names


def _beside(files: Files, folder: str) -> Iterator[str]:
    for name in files.names:
        base = posixpath.basename(name)
        if posixpath.dirname(name) == folder and base != "values.yaml" and "values" in base and base.endswith(_SUFFIXES):
            yield name


def _helmfiles(files: Files, decoder: Decoder, used: set[str]) -> Iterator[Resource[HelmValues]]:
    for document in helmfiles(files):
        if "{{" in document.text:
            decoder.counts.skipped[TEMPLATED] += 1
        else:
            for release, _ in of_helmfile(document, files):
                yield from _local(release, files, used, always=True)


def helmfiles(files: Files) -> Iterator[Document]:
    """The helmfiles of the tree."""
    for name in files.names:
        base, folder = posixpath.basename(name), posixpath.basename(posixpath.dirname(name))
        if base in HELMFILES or (folder == "helmfile.d" and base.endswith(_SUFFIXES)):
            document = files.document(name)
            if document is not None:
                yield document


def of_helmfile(document: Document, files: Files) -> Iterator[tuple[Release, dict[str, Any]]]:
    """The releases of a helmfile, each with its entry there."""
    tree, folder = mapping(parsed(document)), posixpath.dirname(document.file)
    stores = {str(mapping(each).get("name")): str(mapping(each).get("url")) for each in _items(tree, "repositories")}
    for i, each in enumerate(_items(tree, "releases")):
        chart, name = str(mapping(each).get("chart") or ""), str(mapping(each).get("name") or "")
        if not chart or each.get("installed") is False:
            continue
        layers, whole = list[Layer](), True
        for j, given in enumerate(_items(each, "values")):
            layer = _given(given, ("releases", i, "values", j), document, files)
            whole, layers = whole and layer is not None, layers + ([layer] if layer else [])
        layers += releases.set_values(each.get("set"), document, ("releases", i, "set"))
        path = posixpath.join(folder, chart) if chart.startswith(".") else chart
        said = f"{stores.get(chart.partition('/')[0])} {name}"
        place = ("releases", i, "version")
        ref = releases.file_ref("HelmValues", name)
        yield Release(ref, path, said, str(each.get("version") or ""), document, place, tuple(layers), whole), each


def _given(given: Any, route: tuple[str | int, ...], document: Document, files: Files) -> Layer | None:
    """One entry of a release's values: a file, relative to the helmfile, or the values themselves."""
    if isinstance(given, dict):
        return Layer(given, document, route)
    return files.layer(posixpath.normpath(posixpath.join(posixpath.dirname(document.file), str(given))))


def _items(tree: Any, key: str) -> list[Any]:
    found = mapping(tree).get(key)
    return found if isinstance(found, list) else []
