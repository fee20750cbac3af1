"""DR017: sessionAffinity of a Service, which neither sidecars nor ztunnel keep."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, reach


@rule("DR017", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    if service.body.spec.session_affinity != "ClientIP":
        return
    if reach.is_called(mesh, service) and not ingress.is_gateway(mesh, service):
        yield Hit(
            service.at("spec", "sessionAffinity"),
            f"ztunnel does not keep clients of {service.name} on one pod, sidecars did not either",
        )
