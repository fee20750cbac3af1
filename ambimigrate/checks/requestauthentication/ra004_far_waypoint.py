"""RA004: Service targets behind a waypoint of another namespace, which early 1.24 releases skip."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import RequestAuthentication, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, waypoints


@rule("RA004", RequestAuthentication)
def check(request: Resource[RequestAuthentication], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(request):
        service = mesh.find(Service, request.namespace, ref.name, request.file) if ref.kind == "Service" else None
        found = waypoints.binding(mesh, service) if service else None
        if found and found.fault is None and found.namespace != request.namespace:
            yield Hit(
                request.at(*route),
                f"fails open: waypoint {found.namespace}/{found.name} lies in another namespace, where Istio "
                f"{mesh.target.istio} does not validate tokens for Service {ref.name}",
            )
