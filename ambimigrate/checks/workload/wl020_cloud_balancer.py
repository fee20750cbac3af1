"""WL020: a load balancer of the cloud calls pods that demand an identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import named
from ambimigrate.kinds import Ingress, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.semantics.strict import demands_identity
from ambimigrate.topology.captured import captured
from ambimigrate.topology.published import backends, dialling
from ambimigrate.topology.workloads import Workload, behind, target_port


@rule("WL020", Service, Ingress)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    key = dialling(resource.body.metadata.annotations)
    if key is None:
        return
    for service in backends(mesh, resource):
        refused = list(_refused(mesh, service))
        if refused:
            yield Hit(
                resource.at("metadata", "annotations", key),
                f"{key}: the cloud's load balancer and its health checks call {named(refused)} behind {service.name} without "
                "mTLS, which STRICT refuses",
            )


def _refused(mesh: Mesh, service: Resource[Service]) -> Iterator[Workload]:
    for each in behind(mesh, service):
        ports = [target_port(port, each) or port.port for port in service.body.spec.ports]
        if captured(mesh, each) and any(demands_identity(mesh, each, port) for port in ports):
            yield each
