"""How Istio is installed, from whatever the input holds: profile, Helm values, environment of istiod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Deployment, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Mesh, Position, Resource, Route
from ambimigrate.topology import charts
from ambimigrate.topology.booleans import TRUE
from ambimigrate.topology.meshconfig import PARTS, dig
from ambimigrate.topology.workloads import Workload, of_resource

AMBIENT = "PILOT_ENABLE_AMBIENT"


def is_installation(resource: Resource[Any]) -> bool:
    """Whether the object installs a control plane: not a gateway's own IstioOperator, nor another chart."""
    body = resource.body
    if isinstance(body, HelmValues):
        return body.chart == charts.ISTIOD
    if isinstance(body, SailIstio):
        return True
    return isinstance(body, IstioOperator) and body.spec.profile not in {"empty", "remote"}


def installs_cni(resource: Resource[Any]) -> bool:
    """Whether the object brings istio-cni: an IstioOperator or Istio object, or the chart of it."""
    return resource.body.chart == charts.CNI if isinstance(resource.body, HelmValues) else is_installation(resource)


def is_whole(resource: Resource[Any]) -> bool:
    """Whether all values were read, so that what is not among them is not set."""
    return not isinstance(resource.body, HelmValues) or resource.body.whole


def helm(resource: Resource[Any]) -> dict[str, Any]:
    """The Helm values that an object gives to Istio."""
    return resource.body.values if isinstance(resource.body, HelmValues) else resource.body.spec.values or {}


def at(resource: Resource[Any], *route: str) -> Position:
    """Where a Helm value stands, or the nearest to it."""
    return resource.at(*_base(resource), *(_own(resource, route) or route))


def value(resource: Resource[Any], *route: str) -> Any:
    """A Helm value by its route in the values of the whole installation, None if it is not set."""
    found = _own(resource, route)
    return None if found is None else dig(helm(resource), found)


def _base(resource: Resource[Any]) -> Route:
    return ("values",) if isinstance(resource.body, HelmValues) else ("spec", "values")


def _own(resource: Resource[Any], route: tuple[str, ...]) -> tuple[str, ...] | None:
    """The route as the object writes it: the chart of one component may leave its name out."""
    short = isinstance(resource.body, HelmValues) and route[:1] == (PARTS.get(resource.body.chart),)
    routes = (route, route[1:]) if short else (route,)
    return next((each for each in routes if dig(helm(resource), each) is not None), None)


def environment(resource: Resource[Any], name: str) -> str | None:
    """A variable of istiod as the object sets it: by value `pilot.env`, or among the component's own variables."""
    found = value(resource, "pilot", "env", name)
    if found is None and isinstance(resource.body, IstioOperator):
        listed = dig(resource.body.spec.components or {}, ("pilot", "k8s", "env"))
        for each in listed if isinstance(listed, list | tuple) else ():
            if isinstance(each, dict) and each.get("name") == name:
                found = each.get("value")
    return None if found is None else str(found)


def is_true(text: str | None) -> bool:
    return text in TRUE


def has_ambient_profile(resource: Resource[Any]) -> bool:
    return "ambient" in [profile(resource), helm(resource).get("profile")]


def profile(resource: Resource[Any]) -> str:
    """The profile that the object names, "" for none."""
    if isinstance(resource.body, HelmValues):
        return str(helm(resource).get("profile") or dig(helm(resource), ("global", "profile")) or "")
    return str(resource.body.spec.profile)


def installations(mesh: Mesh) -> tuple[Resource[Any], ...]:
    """Everything in the input that installs a control plane."""
    found: tuple[Resource[Any], ...] = (*mesh.of(IstioOperator), *mesh.of(SailIstio), *mesh.of(HelmValues))
    return tuple(each for each in found if is_installation(each))


def istiods(mesh: Mesh) -> Iterator[Workload]:
    """The Deployments of the control plane."""
    for deployment in mesh.of(Deployment):
        workload = of_resource(mesh, deployment)
        if workload is not None and is_istiod(workload):
            yield workload


def is_istiod(workload: Workload) -> bool:
    return workload.labels.get("app") == "istiod" or workload.name.startswith("istiod")


def variable(workload: Workload, name: str) -> str | None:
    """A variable of a workload's containers."""
    return next((each.value for one in workload.pod.containers for each in one.env if each.name == name), None)
