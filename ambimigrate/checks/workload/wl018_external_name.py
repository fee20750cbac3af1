"""WL018: rules for a Service of type ExternalName, which is no Service of the mesh in ambient mode."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.l7 import settings_for
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WL018", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    if service.body.spec.type != "ExternalName" or not injection.is_meshed(mesh, service.namespace):
        return
    found = settings_for(mesh, service)
    place = service.at("spec", "externalName")
    target = service.body.spec.external_name
    if found:
        yield Hit(
            place,
            f"{service.name} resolves to {target} by DNS alone: {listed(found)} does nothing for ambient callers",
            "rules",
        )
    yield Hit(place, f"{service.name} does not resolve for captured pods on this release when DNS capture is on", "dns")
