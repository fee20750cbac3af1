"""The settings of the mesh itself, from Istio's ConfigMap, an IstioOperator, an Istio object or the values of its charts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import ConfigMap, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import charts
from ambimigrate.yamlio import Document, Unreadable, values

DEFAULT_ROOT = "istio-system"
PARTS = {charts.ISTIOD: "pilot", charts.CNI: "cni", charts.ZTUNNEL: "ztunnel", charts.BASE: "base", charts.GATEWAY: "gateway"}


class Setting(Struct, frozen=True):
    """A value of MeshConfig or of Istio's installation and the object that sets it; `route` is as near as the text allows."""

    value: Any
    resource: Resource[Any]
    route: Route


class Source(Struct, frozen=True, eq=False):
    """One object that configures Istio: its mesh configuration and its Helm values."""

    resource: Resource[Any]
    mesh_config: dict[str, Any]
    mesh_route: Route
    values: dict[str, Any]
    values_route: Route
    part: str = ""  # the one component that the values are for; they may stand below its name or not


def sources(mesh: Mesh) -> tuple[Source, ...]:
    """Every object of the input that configures Istio."""
    return mesh.index(_sources)


def _sources(mesh: Mesh) -> tuple[Source, ...]:
    return tuple(_all(mesh))


def _all(mesh: Mesh) -> Iterator[Source]:
    for config in mesh.of(ConfigMap):
        if (config.name == "istio" or config.name.startswith("istio-")) and "mesh" in config.body.data:
            yield Source(config, _parsed(config.body.data["mesh"]), ("data", "mesh"), {}, ())
    for operator in mesh.of(IstioOperator):
        spec = operator.body.spec
        route = ("spec", "meshConfig")
        yield Source(operator, spec.mesh_config or {}, route, spec.values or {}, ("spec", "values"))
    for sail in mesh.of(SailIstio):
        helm = sail.body.spec.values or {}
        inside = helm.get("meshConfig")
        found = inside if isinstance(inside, dict) else {}
        yield Source(sail, found, ("spec", "values", "meshConfig"), helm, ("spec", "values"))
    for chart in mesh.of(HelmValues):
        if chart.body.chart in PARTS:
            inside, part = chart.body.values.get("meshConfig"), PARTS[chart.body.chart]
            found = inside if isinstance(inside, dict) and part == "pilot" else {}
            yield Source(chart, found, ("values", "meshConfig"), chart.body.values, ("values",), part)


def _parsed(text: str) -> dict[str, Any]:
    try:
        tree = values(Document("", 0, 1, text)).value
    except Unreadable:
        return {}
    return tree if isinstance(tree, dict) else {}


def settings(mesh: Mesh, *route: str) -> Iterator[Setting]:
    """Every value that MeshConfig has at the route, with the object that says so."""
    for source in sources(mesh):
        found = dig(source.mesh_config, route)
        if found is not None:
            inside = () if source.mesh_route == ("data", "mesh") else route
            yield Setting(found, source.resource, (*source.mesh_route, *inside))


def helm_settings(mesh: Mesh, *route: str) -> Iterator[Setting]:
    """Every value that Istio's Helm values have at the route."""
    for source in sources(mesh):
        for inside in (route, route[1:]) if source.part and route[:1] == (source.part,) else (route,):
            found = dig(source.values, inside)
            if found is not None:
                yield Setting(found, source.resource, (*source.values_route, *inside))
                break


def dig(tree: Any, route: tuple[str, ...]) -> Any:
    """The value at the route of untyped configuration, or None."""
    for step in route:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(step)
    return tree


def root_namespace(mesh: Mesh) -> str:
    """The namespace whose policies hold for the whole mesh."""
    return mesh.index(_root)


def _root(mesh: Mesh) -> str:
    found = next((each.value for each in settings(mesh, "rootNamespace") if isinstance(each.value, str)), None)
    return found or DEFAULT_ROOT


def trust_domain(mesh: Mesh) -> str | None:
    """The trust domain that the target or MeshConfig states, None if neither does."""
    if mesh.target.trust_domain:
        return mesh.target.trust_domain
    return next((each.value for each in settings(mesh, "trustDomain") if isinstance(each.value, str)), None)


def extension_providers(mesh: Mesh) -> frozenset[str] | None:
    """The names of all extension providers, None if no mesh configuration of the input lists any."""
    return mesh.index(_extension_providers)


def _extension_providers(mesh: Mesh) -> frozenset[str] | None:
    lists = [each.value for each in settings(mesh, "extensionProviders") if isinstance(each.value, list)]
    if not lists:
        return None
    return frozenset(str(each.get("name")) for found in lists for each in found if isinstance(each, dict))
