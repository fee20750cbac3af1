"""VS012: Services without a route, which lose the retries that sidecars do by default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import IstioOperator, SailIstio, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, reach, waypoints


@rule("VS012", Service, IstioOperator, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not isinstance(resource.body, Service):
        if reach.has_members(mesh):
            message = f"Istio {mesh.target.istio}: a Service without a route loses the default retries at its waypoint"
            yield Hit(resource.at("spec", "version" if isinstance(resource.body, SailIstio) else "tag"), message, case="mesh")
        return
    served = waypoints.is_bound(mesh, resource) and reach.is_called(mesh, resource) and not hosts.is_headless(resource)
    if served and not reach.mesh_routes(mesh, resource) and not reach.mesh_virtual_services(mesh, resource):
        yield Hit(
            resource.at("metadata", "name"),
            f"{resource.name} has a waypoint and no route: failed connections are no longer retried, as sidecars do",
            case="service",
        )
