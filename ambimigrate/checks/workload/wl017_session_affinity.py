"""WL017: sessionAffinity holds for no caller of the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WL017", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    if service.body.spec.session_affinity == "ClientIP" and injection.is_meshed(mesh, service.namespace):
        yield Hit(
            service.at("spec", "sessionAffinity"),
            f"sessionAffinity ClientIP of {service.name} holds only for callers outside of the mesh: neither sidecars nor "
            "ztunnel read it",
        )
