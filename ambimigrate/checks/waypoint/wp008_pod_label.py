"""WP008: pods that ask for a waypoint which is absent or not for pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import DaemonSet, Deployment, Gateway, Pod, Rollout, StatefulSet
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import waypoints, workloads


@rule("WP008", Deployment, StatefulSet, DaemonSet, Rollout, Pod)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = workloads.of_resource(mesh, resource)
    name = workload.labels.get(waypoints.USE) if workload else None
    if workload is None or name in {None, "none"}:
        return
    namespace = workload.labels.get(waypoints.USE_NAMESPACE, workload.namespace)
    where = resource.at(*workload.template, "metadata", "labels", waypoints.USE)
    gateway = mesh.find(Gateway, namespace, str(name), resource.file)
    if gateway is None:
        message = (
            f"fails open: there is no Gateway {namespace}/{name}, so calls to the pods of {resource.name} pass no waypoint"
        )
        yield Hit(where, message, "absent")
    elif gateway.body.metadata.labels.get(waypoints.FOR, "service") not in {"workload", "all"}:
        message = (
            f"Gateway {namespace}/{name} is for Services only, so calls to the pods of {resource.name} by address go past it"
        )
        yield Hit(where, message, "traffic")
