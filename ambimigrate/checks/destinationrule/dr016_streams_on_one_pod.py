"""DR016: long HTTP/2 connections, which ztunnel balances once instead of per request."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, ingress, reach, waypoints
from ambimigrate.topology.workloads import Workload, behind

PROTOCOLS = {"grpc", "http2", "kubernetes.io/h2c"}


@rule("DR016", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    if not reach.is_called(mesh, service) or hosts.is_headless(service) or ingress.is_gateway(mesh, service):
        return
    pods = behind(mesh, service)
    if waypoints.is_bound(mesh, service) or (pods and all(_replicas(each) == 1 for each in pods) and len(pods) == 1):
        return
    for number, port in enumerate(service.body.spec.ports):
        if protocol(port) in PROTOCOLS:
            yield Hit(
                service.at("spec", "ports", number),
                f"port {port.name or port.port}: ztunnel balances connections, so all streams of one caller's connection reach"
                f" one pod of {service.name}",
                services=(f"{service.namespace}/{service.name}",),
            )


def protocol(port: ServicePort) -> str:
    """The protocol that a port declares: by appProtocol, else by the first word of its name."""
    return (port.app_protocol or port.name.partition("-")[0]).lower()


def _replicas(workload: Workload) -> int:
    """The replicas that a workload states; unstated means that an autoscaler or the default decides."""
    replicas = getattr(workload.resource.body.spec, "replicas", None)
    return replicas if isinstance(replicas, int) else 0
