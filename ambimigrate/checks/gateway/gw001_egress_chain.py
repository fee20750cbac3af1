"""GW001: traffic that the client's sidecar sends to an egress gateway, which ztunnel does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import in_mesh
from ambimigrate.kinds import GRPCRoute, HTTPRoute, Service, TCPRoute, TLSRoute, VirtualService
from ambimigrate.kinds.routes import HTTPRouteDestination, HTTPRule, RouteDestination, TCPRule, TLSRule
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import hosts, ingress, reach, waypoints
from ambimigrate.topology.virtualservices import is_of_mesh


@rule("GW001", VirtualService, HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not reach.has_members(mesh) or _is_served(mesh, resource):
        return
    vs = isinstance(resource.body, VirtualService)
    said = set()
    for place, gateway in _of_virtual_service(resource, mesh) if vs else _of_route(resource, mesh):
        if gateway not in said:
            said.add(gateway)
            names = reach.listed(resource.body.spec.hosts if vs else (each.name for each in resource.body.spec.parent_refs))
            yield Hit(
                resource.at(*place),
                f"fails open: ztunnel does not send {names} through {gateway}, ambient clients connect to the destination"
                " directly",
            )


def _is_served(mesh: Mesh, resource: Resource[Any]) -> bool:
    """Whether waypoints carry the object out: then its chain holds."""
    if isinstance(resource.body, VirtualService):
        found = reach.subjects(mesh, resource)
    else:
        parents = (reach.parent(ref, resource.namespace) for ref in resource.body.spec.parent_refs)
        found = tuple(t for named in parents if named and (t := reach.find(mesh, named, resource.file)))
    served = (waypoints.is_bound(mesh, each) and reach.is_read(mesh, resource.namespace, each) for each in found)
    return bool(found) and all(served)


def _of_virtual_service(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[tuple[Route, str]]:
    if is_of_mesh(vs.body):
        yield from ((place, host) for place, host in _destinations(vs.body) if is_egress_gateway(mesh, host, vs))


def _destinations(vs: VirtualService) -> Iterator[tuple[Route, str]]:
    """The destinations of the rules that clients in the mesh use."""
    kinds: tuple[tuple[str, tuple[HTTPRule | TCPRule | TLSRule, ...]], ...] = (
        ("http", vs.spec.http),
        ("tcp", vs.spec.tcp),
        ("tls", vs.spec.tls),
    )
    for kind, number, each in ((kind, number, each) for kind, rules in kinds for number, each in enumerate(rules)):
        if not each.match or any(in_mesh(match) for match in each.match):
            targets: tuple[HTTPRouteDestination | RouteDestination, ...] = each.route
            for index, target in enumerate(targets):
                yield ("spec", kind, number, "route", index, "destination", "host"), target.destination.host


def _of_route(route: Resource[Any], mesh: Mesh) -> Iterator[tuple[Route, str]]:
    if not any(reach.parent(ref, route.namespace) for ref in route.body.spec.parent_refs):
        return
    for number, each in enumerate(route.body.spec.rules):
        for index, backend in enumerate(each.backend_refs):
            host = f"{backend.name}.{backend.namespace or route.namespace}.{hosts.DOMAIN}"
            if is_egress_gateway(mesh, host, route):
                yield ("spec", "rules", number, "backendRefs", index, "name"), backend.name


def is_egress_gateway(mesh: Mesh, host: str, by: Resource[Any]) -> bool:
    """Whether gateway pods are behind the host; of a Service that was not read only the name tells."""
    service: Resource[Service] | None = hosts.service(mesh, host, by.namespace, by.file)
    if service is not None:
        return ingress.is_gateway(mesh, service)
    name = host.partition(".")[0]
    return "egress" in name and ("gateway" in name or name.endswith("gw"))
