"""How Istio is installed, from whatever the input holds: profile, Helm values, environment of istiod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Deployment, HelmRelease, IstioOperator, SailIstio
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import Workload, of_resource

AMBIENT = "PILOT_ENABLE_AMBIENT"
_TRUE = frozenset({"true", "1", "True", "TRUE", "t", "T"})


def is_installation(resource: Resource[Any]) -> bool:
    """Whether the object installs a control plane: not a gateway's own IstioOperator, nor another chart."""
    body = resource.body
    if isinstance(body, HelmRelease):
        return bool(dig(body.spec.chart, ("spec", "chart")) == "istiod")
    if isinstance(body, SailIstio):
        return True
    return isinstance(body, IstioOperator) and body.spec.profile not in {"empty", "remote"}


def helm(resource: Resource[Any]) -> dict[str, Any]:
    """The Helm values of an IstioOperator or Istio object."""
    return resource.body.spec.values or {}


def environment(resource: Resource[Any], name: str) -> str | None:
    """A variable of istiod as the object sets it: by value `pilot.env`, or among the component's own variables."""
    found = dig(helm(resource), ("pilot", "env", name))
    if found is None and isinstance(resource.body, HelmRelease):
        found = dig(helm(resource), ("env", name))
    if found is None and isinstance(resource.body, IstioOperator):
        listed = dig(resource.body.spec.components or {}, ("pilot", "k8s", "env"))
        for each in listed if isinstance(listed, list | tuple) else ():
            if isinstance(each, dict) and each.get("name") == name:
                found = each.get("value")
    return None if found is None else str(found)


def is_true(text: str | None) -> bool:
    return text in _TRUE


def has_ambient_profile(resource: Resource[Any]) -> bool:
    return "ambient" in {profile(resource), helm(resource).get("profile")}


def profile(resource: Resource[Any]) -> str:
    """The profile that the object names, "" for none."""
    if isinstance(resource.body, HelmRelease):
        return str(helm(resource).get("profile") or "")
    return str(resource.body.spec.profile)


def installations(mesh: Mesh) -> tuple[Resource[Any], ...]:
    """Everything in the input that installs a control plane."""
    found: tuple[Resource[Any], ...] = (*mesh.of(IstioOperator), *mesh.of(SailIstio), *mesh.of(HelmRelease))
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
