"""GW004: an ingress gateway that goes past the waypoint of a Service."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.vs013_retried_twice import uses_waypoint
from ambimigrate.kinds import Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attached, hosts, ingress, injection, reach, waypoints


@rule("GW004", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    routes = ingress.to(mesh, service)
    if not routes or not reach.is_called(mesh, service):
        return
    by = str(routes[0].ref)
    place = service.at("metadata", "name")
    if hosts.is_headless(service):
        if waypoints.INGRESS_USE in service.body.metadata.labels:
            message = f"{service.name} is headless: gateways never use a waypoint for it, the label does nothing"
            yield Hit(service.at("metadata", "labels", waypoints.INGRESS_USE), message, case="headless")
    elif not waypoints.is_bound(mesh, service):
        yield from _later(service, mesh, by)
    elif not uses_waypoint(mesh, service):
        yield from _bypassed(service, mesh, by)
    elif waypoints.INGRESS_USE not in service.body.metadata.labels:
        message = f"Istio 1.24 reads {waypoints.INGRESS_USE} on the Service only: {by} goes past the waypoint of {service.name}"
        yield Hit(place, message, case="namespace-label")


def _later(service: Resource[Service], mesh: Mesh, by: str) -> Iterator[Hit]:
    """A Service that will need a waypoint, for policies that also hold for what comes from outside."""
    policies = attached.l7_selecting(mesh, service)
    own = service.body.metadata.labels.get(
        waypoints.INGRESS_USE, injection.labels(mesh, service.namespace).get(waypoints.INGRESS_USE)
    )
    if policies and own != "true":
        yield Hit(
            service.at("metadata", "name"),
            f"{by} sends requests from outside past the waypoint that {reach.listed(str(each.ref) for each in policies)} needs,"
            f" unless {service.name} has {waypoints.INGRESS_USE}",
            case="later",
        )


def _bypassed(service: Resource[Service], mesh: Mesh, by: str) -> Iterator[Hit]:
    policies = attached.policies(mesh, service)
    place = service.at("metadata", "name")
    if policies:
        names = reach.listed(str(each.ref) for each in policies)
        past = f"{by} sends requests from outside past the waypoint of {service.name}"
        yield Hit(place, f"fails open: {past}, where nothing carries out {names}", case="policy")
    else:
        found = (*reach.mesh_virtual_services(mesh, service), *reach.mesh_routes(mesh, service))
        lost = f" and {reach.listed(str(each.ref) for each in found)}" if found else ""
        message = f"{by} sends requests from outside past the waypoint of {service.name}{lost}"
        yield Hit(place, message, case="routing")
