"""WL013: HTTP/2 and gRPC are balanced by connection without a waypoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.replicas import replicas
from ambimigrate.kinds import Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, ingress, injection, waypoints
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import behind

_GATEWAYS = ("ingressgateway", "egressgateway")  # names in Istio's own charts; their pods are proxies
_APP_PROTOCOLS = frozenset({"grpc", "http2", "h2c", "kubernetes.io/h2c"})


@rule("WL013", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    spec = service.body.spec
    if not spec.selector or hosts.is_headless(service) or not injection.is_meshed(mesh, service.namespace):
        return
    members = behind(mesh, service)
    if not members and (ingress.is_gateway(mesh, service) or service.name.endswith(_GATEWAYS)):
        return
    if waypoints.is_bound(mesh, service) or (members and not any(captured(mesh, each) for each in members)):
        return
    for i, port in enumerate(spec.ports):
        if is_multiplexed(port):
            count = replicas(mesh, members)
            if not members or count > 1:
                pods = f"{count} pods" if members else "its pods"
                yield Hit(
                    service.at("spec", "ports", i),
                    f"port {port.name or port.port} of {service.name} carries many calls over one connection: without a "
                    f"waypoint all calls of a client reach one of {pods}",
                    "several" if members else "unseen",
                    services=(f"{service.namespace}/{service.name}",),
                )
            return


def is_multiplexed(port: ServicePort) -> bool:
    """Whether a port is HTTP/2 or gRPC, by its name or appProtocol (which counts before the name)."""
    if port.app_protocol:
        return port.app_protocol.lower() in _APP_PROTOCOLS
    return port.name.partition("-")[0] in {"grpc", "http2"} and not port.name.startswith("grpc-web")
