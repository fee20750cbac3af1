"""GW006: gateway pods in an ambient namespace that no label keeps from being captured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import DaemonSet, Deployment
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import of_resource


@rule("GW006", Deployment, DaemonSet)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or not injection.is_gateway(workload):
        return
    ambient = injection.labels(mesh, resource.namespace).get(injection.MODE) == injection.AMBIENT
    if ambient and workload.labels.get(injection.MODE) != "none":
        yield Hit(
            resource.at(*workload.template, "metadata", "labels"),
            f"gateway {resource.name} runs in the ambient namespace {resource.namespace} without {injection.MODE}: none, so"
            " ztunnel captures its traffic",
        )
