"""PF001: the control plane is installed without ambient mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.kinds import Deployment, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import Workload, of_resource


@rule("PF001", IstioOperator, SailIstio, HelmValues, Deployment)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Deployment):
        workload = of_resource(mesh, resource)
        if workload is not None and install.is_istiod(workload) and not _has_flag(workload):
            yield Hit(
                resource.at("spec", "template", "spec", "containers"),
                f"{workload} runs without {install.AMBIENT}: ztunnel finds no workloads there and never gets ready",
            )
        return
    if not install.is_installation(resource) or install.has_ambient_profile(resource) or not install.is_whole(resource):
        return
    if not install.is_true(install.environment(resource, install.AMBIENT)):
        profile = install.profile(resource) or "default"
        yield Hit(
            install.at(resource) if isinstance(resource.body, HelmValues) else resource.at("spec", "profile"),
            f"profile {profile} of {resource.name or resource.kind} brings neither {install.AMBIENT} nor istio-cni for ambient "
            "nor ztunnel: no namespace can be enrolled",
        )


def _has_flag(workload: Workload) -> bool:
    return install.is_true(install.variable(workload, install.AMBIENT))
