"""WL006: a gateway that the injector fills in must keep its injection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, space
from ambimigrate.kinds import DaemonSet, Deployment
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import of_resource


@rule("WL006", Deployment, DaemonSet)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or injection.is_system(mesh, workload.namespace):
        return
    image = next((each.image for each in workload.pod.containers if each.name == "istio-proxy"), None)
    if "gateway" not in workload.annotations.get(injection.TEMPLATES, "") or image not in {None, "", "auto"}:
        return
    own = workload.labels.get(injection.INJECT) == "true" or injection.REVISION in workload.labels
    why = "its own label" if own else f"the label of {space(workload)}"
    yield Hit(
        at(workload, "metadata", "annotations", injection.TEMPLATES),
        f"gateway {workload} is filled in by the injector through {why}: without injection its next pods do not start and the "
        "traffic that it lets in ends",
        "by-pod" if own else "by-namespace",
    )
