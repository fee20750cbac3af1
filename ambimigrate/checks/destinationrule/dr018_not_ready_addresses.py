"""DR018: a Service with addresses that are not ready, which makes other Services send traffic to theirs."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach

ANNOTATION = "networking.istio.io/traffic-distribution"


@rule("DR018", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    spread = service.body.spec.traffic_distribution or service.body.metadata.annotations.get(ANNOTATION)
    if spread and service.body.spec.publish_not_ready_addresses and reach.is_called(mesh, service):
        yield Hit(
            service.at("spec", "publishNotReadyAddresses"),
            f"Istio {mesh.target.istio} shares this with every Service of traffic distribution {spread}: their pods get"
            " traffic before they are ready",
        )
