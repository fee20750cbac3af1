"""Who installs the charts of a tree, under which name, in which namespace and with which values."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.decode import Decoder
from ambimigrate.kinds import Application, ApplicationSet, ConfigMap, HelmRelease
from ambimigrate.kinds.delivery import Destination
from ambimigrate.model import Resource, Route
from ambimigrate.sources.application_sets import applications
from ambimigrate.sources.applied import cluster
from ambimigrate.sources.chart_files import Chart, Files, parsed
from ambimigrate.sources.charts import helmfiles, is_vendored, of_helmfile, of_source
from ambimigrate.topology import releases
from ambimigrate.topology.charts import Layer, Release, laid
from ambimigrate.topology.releases import mapping

_OPEN = "{{"  # a name that an ApplicationSet fills in


class Use(Struct, frozen=True):
    """One installation of a chart of the tree; `by` is whoever asks for it (empty: nobody, its own values are taken).

    `meshes` are those in which it stands; None stands for wherever the folder of the chart does.
    """

    chart: Chart
    name: str
    namespace: str
    values: dict[str, Any]
    meshes: tuple[str, ...] | None = None
    by: str = ""
    file: str = ""
    whole: bool = True


def uses(files: Files, decoder: Decoder, namespace: str) -> tuple[Use, ...]:
    """Every installation that the tree shows; charts that nothing in it installs come once, with their own values."""
    named = [*_of_objects(files, decoder), *_of_helmfiles(files)]
    used = {each.chart.folder for each in named}
    alone = [each for folder, each in files.charts.items() if folder not in used and is_installable(files, folder)]
    return (*named, *(Use(each, each.name, namespace, {}, file=each.document.file) for each in alone))


def is_installable(files: Files, folder: str) -> bool:
    """Whether the chart is neither a library nor brought along by another one."""
    chart = files.charts[folder]
    return mapping(parsed(chart.document)).get("type") != "library" and not is_vendored(files, folder)


def _of_objects(files: Files, decoder: Decoder) -> Iterator[Use]:
    """Those of Applications and HelmReleases, an object of several meshes once."""
    found: dict[tuple[str, ...], list[tuple[str, Use]]] = {}
    for mesh, resources in decoder.resources.items():
        for use, target in _of_mesh(resources, files):
            key = use.file, use.by, use.chart.folder, use.name, use.namespace, str(use.values)
            found.setdefault(key, []).append((target if target in decoder.resources else mesh, use))
    for members in found.values():
        yield replace(members[0][1], meshes=tuple(dict.fromkeys(mesh for mesh, _ in members)))


def _of_mesh(resources: list[Resource[Any]], files: Files) -> Iterator[tuple[Use, str]]:
    """Those of one mesh, each with the cluster that it says."""
    maps = {(each.namespace, each.name): each for each in resources if type(each.body) is ConfigMap}
    for resource in resources:
        for release, name, into in _installs(resource, files, maps):
            if use := _use(release, name, into.namespace, resource, files):
                yield use, cluster(into, "")


def _installs(
    resource: Resource[Any], files: Files, maps: dict[tuple[str, str], Resource[ConfigMap]]
) -> Iterator[tuple[Release, str, Destination]]:
    """What an object installs, with the name of the release and where it goes."""
    match resource.body:
        case HelmRelease(spec=spec) if mapping(mapping(spec.chart).get("spec")):
            prefix = f"{spec.target_namespace}-" if spec.target_namespace else ""  # Flux, helmrelease_types.go GetReleaseName
            name = spec.release_name or f"{prefix}{resource.name}"
            for release in releases.of(resource, maps):
                into = Destination(spec.target_namespace or resource.namespace)
                yield _with_files(release, spec.chart, files), name, into
        case Application() | ApplicationSet():
            base: Route = ("spec", "template", "spec") if isinstance(resource.body, ApplicationSet) else ("spec",)
            for template in applications(resource, files.folders):
                for route, source in releases.sources_of(template.spec, base):
                    name = str(mapping(source.get("helm")).get("releaseName") or template.metadata.name or resource.name)
                    if not source.get("chart"):
                        yield of_source(resource, source, route, files), name, template.spec.destination


def _with_files(release: Release, chart: dict[str, Any] | None, files: Files) -> Release:
    """A HelmRelease with the values files of its chart, which lie below its other values."""
    listed = mapping(mapping(chart).get("spec")).get("valuesFiles")
    layers, whole = list[Layer](), release.whole
    for each in listed if isinstance(listed, list) else ():
        layer = files.layer(name) if (name := files.found(str(each), release.source.file)) else None
        whole = whole and layer is not None
        layers += [layer] if layer else []
    return replace(release, layers=(*layers, *release.layers), whole=whole)


def _use(release: Release, name: str, namespace: str, resource: Resource[Any], files: Files) -> Use | None:
    chart = files.folder(release.chart, resource.file)
    if chart is None or _OPEN in name or not is_installable(files, chart.folder):
        return None
    space = "" if _OPEN in namespace else namespace
    return Use(chart, name, space, laid(release.layers), None, str(resource.ref), resource.file, release.whole)


def _of_helmfiles(files: Files) -> Iterator[Use]:
    for document in helmfiles(files):
        if _OPEN in document.text:
            continue
        for release, entry in of_helmfile(document, files):
            chart = files.folder(release.chart, document.file) if release.chart.startswith((".", "/")) else None
            chart = chart or files.charts.get(posixpath.normpath(release.chart))
            if chart is not None and is_installable(files, chart.folder):
                space = str(entry.get("namespace") or "")
                by = f"release {release.ref.name} of {document.file}"
                yield Use(chart, release.ref.name, space, laid(release.layers), None, by, document.file, release.whole)
