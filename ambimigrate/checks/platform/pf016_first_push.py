"""PF016: more workloads than fit into istiod's first push to ztunnel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install
from ambimigrate.checks.replicas import replicas
from ambimigrate.kinds import Deployment, HelmValues, IstioOperator, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import Workload, of_resource, workloads

_LIMIT = "ISTIO_GPRC_MAXRECVMSGSIZE"  # Istio spells it so (pilot/pkg/features); 4 MiB by default
_MANY = 30_000


@rule("PF016", IstioOperator, SailIstio, HelmValues, Deployment)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource) if isinstance(resource.body, Deployment) else None
    if workload is None and not (install.is_installation(resource) and install.is_whole(resource)):
        return
    if workload is not None and not install.is_istiod(workload):
        return
    if _limit(resource, workload) is None and (pods := mesh.index(_pods)) > _MANY:
        where = install.at(resource) if workload is None else resource.at("spec", "template", "spec", "containers")
        yield Hit(
            where,
            f"{resource.name or resource.kind} sets no {_LIMIT} for {pods} pods: the first push to ztunnel exceeds 4 MiB, and "
            "ztunnel reconnects in a loop",
        )


def _limit(resource: Resource[Any], workload: Workload | None) -> str | None:
    return install.environment(resource, _LIMIT) if workload is None else install.variable(workload, _LIMIT)


def _pods(mesh: Mesh) -> int:
    return replicas(mesh, workloads(mesh))
