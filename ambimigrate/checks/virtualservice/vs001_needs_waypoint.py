"""VS001: a VirtualService of the mesh whose Service has no working waypoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, injection, waypoints
from ambimigrate.topology.virtualservices import features, is_of_mesh


@rule("VS001", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body):
        return
    for number, host in enumerate(vs.body.spec.hosts):
        found = hosts.services(mesh, host, vs.namespace, vs.file)
        needing = [each for each in found if injection.is_meshed(mesh, each.namespace)]
        unbound = [each for each in needing if not waypoints.is_bound(mesh, each)]
        if unbound:
            names = ", ".join(each.name for each in unbound)
            lost = ", ".join(features(vs.body)) or "its routes"
            yield Hit(
                vs.at("spec", "hosts", number),
                f"{host}: no waypoint serves {names}, so for ambient callers {lost} stop and requests spread over all endpoints",
                services=tuple(f"{each.namespace}/{each.name}" for each in needing),
            )
