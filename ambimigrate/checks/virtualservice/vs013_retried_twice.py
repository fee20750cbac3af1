"""VS013: retries at the ingress gateway and again at the waypoint, which multiply."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import in_mesh
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, injection, reach, waypoints
from ambimigrate.topology.virtualservices import is_of_mesh


@rule("VS013", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body):
        return
    retrying = [
        number
        for number, http in enumerate(vs.body.spec.http)
        if http.retries and http.retries.attempts and (not http.match or any(in_mesh(match) for match in http.match))
    ]
    if not retrying:
        return
    for target in reach.readers(mesh, vs):
        if not isinstance(target.body, Service) or not _retries(ingress.to(mesh, target)):
            continue
        opted = uses_waypoint(mesh, target)
        then = "are retried by the gateway and again by the waypoint" if opted else "would be retried by both"
        label = "" if opted else f" once {target.name} has {waypoints.INGRESS_USE}"
        yield Hit(
            vs.at("spec", "http", retrying[0], "retries"),
            f"requests from the ingress gateway to {target.name} {then}{label}: the attempts multiply",
            case="twice" if opted else "later",
        )


def uses_waypoint(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether ingress gateways go through the waypoint of the Service: by its own label or its Namespace's."""
    own = service.body.metadata.labels.get(waypoints.INGRESS_USE)
    said = own if own is not None else injection.labels(mesh, service.namespace).get(waypoints.INGRESS_USE)
    return said == "true" and waypoints.is_bound(mesh, service)


def _retries(routes: tuple[Resource[object], ...]) -> bool:
    """Whether a gateway's VirtualService retries by itself."""
    rules = (http for each in routes if isinstance(each.body, VirtualService) for http in each.body.spec.http)
    return any(http.retries and http.retries.attempts for http in rules)
