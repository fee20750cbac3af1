"""Which charts Flux and Argo CD install, with the values that stand in their objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.kinds import Application, ApplicationSet, ConfigMap, HelmRelease
from ambimigrate.kinds.charts import HelmValues
from ambimigrate.kinds.delivery import ApplicationSpec
from ambimigrate.model import Ref, Resource, Route
from ambimigrate.topology import charts
from ambimigrate.topology.charts import Layer, Release, Within
from ambimigrate.yamlio.scalars import VALUES

_SOURCES = (HelmRelease, Application, ApplicationSet)
INSTALLERS = frozenset(kind.__name__ for kind in _SOURCES)
_STEP = re.compile(r"(?<!\\)\.")
_OPEN = ("{{", "${", "<path:")  # what Argo CD, Flux and their plugins fill in later


def values(resources: Iterable[Resource[Any]]) -> Iterator[Resource[HelmValues]]:
    """What the objects install of the charts that we know; those of which more was read already are left out."""
    resources = tuple(resources)
    done = {each.ref for each in resources if type(each.body) is HelmValues}
    maps: dict[tuple[str, str], Resource[ConfigMap]] = {}
    if any(type(each.body) is HelmRelease for each in resources):
        maps = {(each.namespace, each.name): each for each in resources if type(each.body) is ConfigMap}
    installing = (each for each in resources if type(each.body) in _SOURCES and each.ref not in done)
    found = (charts.resource(release) for each in installing for release in of(each, maps))
    yield from (each for each in found if each is not None)


def of(resource: Resource[Any], maps: dict[tuple[str, str], Resource[ConfigMap]]) -> Iterator[Release]:
    """The releases that an object stands for; `maps` are the ConfigMaps of its mesh."""
    match resource.body:
        case HelmRelease():
            yield _of_flux(resource, maps)
        case _:
            yield from _of_argo(resource)


def _of_flux(resource: Resource[HelmRelease], maps: dict[tuple[str, str], Resource[ConfigMap]]) -> Release:
    spec, holder = resource.body.spec, Within(resource)
    chart = mapping(mapping(spec.chart).get("spec"))
    source = mapping(chart.get("sourceRef")) or spec.chart_ref
    name = str(chart.get("chart") or spec.chart_ref.get("name") or "")
    layers, whole = list[Layer](), not unfinished(spec.values)
    for each in spec.values_from:
        layer = _from_map(resource.namespace, each, maps)
        whole = whole and layer is not None
        layers += [layer] if layer else []
    if spec.values is not None:
        layers.append(Layer(spec.values, holder, ("spec", "values")))
    said = f"{source.get('name')} {resource.name} {spec.target_namespace} {resource.namespace}"
    version = ("spec", "chart", "spec", "version")
    return Release(resource.ref, name, said, str(chart.get("version") or ""), holder, version, tuple(layers), whole)


def _from_map(namespace: str, named: dict[str, Any], maps: dict[tuple[str, str], Resource[ConfigMap]]) -> Layer | None:
    found = maps.get((namespace, str(named.get("name"))))
    key = str(named.get("valuesKey") or "values.yaml")
    if named.get("kind") != "ConfigMap" or "targetPath" in named or found is None or key not in found.body.data:
        return None
    return charts.text_layer(found.body.data[key], Within(found), ("data", key))


def _of_argo(resource: Resource[Any]) -> Iterator[Release]:
    for route, source in sources(resource):
        helm = mapping(source.get("helm"))
        layers = tuple(_inline(resource, helm, (*route, "helm")))
        whole = not helm.get("valueFiles") and not helm.get("fileParameters") and not unfinished(helm)
        yield argo_release(resource, source, route, layers, whole)


def argo_release(
    resource: Resource[Any], source: dict[str, Any], route: Route, layers: tuple[Layer, ...], whole: bool
) -> Release:
    """One source of an Application: a chart of a repository, or a folder that may hold one."""
    name = str(source.get("chart") or source.get("path") or "")
    version = str(source.get("targetRevision") or "") if source.get("chart") else ""
    said = f"{source.get('repoURL')} {resource.name}"
    return Release(resource.ref, name, said, version, Within(resource), (*route, "targetRevision"), layers, whole)


def sources(resource: Resource[Any]) -> Iterator[tuple[Route, dict[str, Any]]]:
    """The sources of an Application, or of those that an ApplicationSet makes, with their routes."""
    is_set = isinstance(resource.body, ApplicationSet)
    spec: ApplicationSpec = resource.body.spec.template.spec if is_set else resource.body.spec
    yield from sources_of(spec, ("spec", "template", "spec") if is_set else ("spec",))


def sources_of(spec: ApplicationSpec, base: Route) -> Iterator[tuple[Route, dict[str, Any]]]:
    """The sources in a spec that stands at `base`."""
    if spec.source:
        yield (*base, "source"), spec.source
    for i, each in enumerate(spec.sources):
        yield (*base, "sources", i), each


def inline(resource: Resource[Any], source: dict[str, Any], route: Route) -> tuple[Layer, ...]:
    """The values that a source of an Application holds itself."""
    return tuple(_inline(resource, mapping(source.get("helm")), (*route, "helm")))


def _inline(resource: Resource[Any], helm: dict[str, Any], route: Route) -> Iterator[Layer]:
    """In the order in which Argo CD lays them over each other: values, valuesObject, parameters."""
    holder, text = Within(resource), helm.get("values")
    if isinstance(text, str) and (layer := charts.text_layer(text, holder, (*route, "values"))):
        yield layer
    if isinstance(found := helm.get("valuesObject"), dict):
        yield Layer(found, holder, (*route, "valuesObject"))
    yield from set_values(helm.get("parameters"), holder, (*route, "parameters"))


def set_values(listed: Any, holder: Any, route: Route) -> Iterator[Layer]:
    """What `helm --set` would be given: name and value, each as a layer of its own; lists by number are left out."""
    for i, each in enumerate(listed if isinstance(listed, list | tuple) else ()):
        name, value = mapping(each).get("name"), mapping(each).get("value")
        if isinstance(name, str) and value is not None and "[" not in name:
            steps = tuple(step.replace("\\.", ".") for step in _STEP.split(name))
            as_text = mapping(each).get("forceString") is True or not isinstance(value, str)
            yield Layer(value if as_text else VALUES[value], holder, (*route, i), steps)


def unfinished(tree: Any) -> bool:
    """Whether some values are filled in later, so that they may be anything."""
    text = str(tree)
    return any(each in text for each in _OPEN)


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def file_ref(kind: str, name: str) -> Ref:
    """The name of a release that no object of Kubernetes stands for."""
    return Ref(kind, "", "", name)
