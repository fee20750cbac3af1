"""Egress chains: VirtualServices by which clients in the mesh send what leaves it through a gateway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPRouteDestination, HTTPRule, RouteDestination, TCPRule, TLSRule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts, ingress
from ambimigrate.topology.virtualservices import MESH, is_of_mesh

Place = tuple[Route, str]  # of the destination, and its host
Rule = HTTPRule | TCPRule | TLSRule


def gateway(mesh: Mesh, vs: Resource[VirtualService]) -> Place | None:
    """Where the VirtualService sends clients of the mesh to an egress gateway, and to which; None if it does not."""
    return mesh.index(_chains).get(id(vs))


def _chains(mesh: Mesh) -> Mapping[int, Place]:
    found = ((id(vs), next(_places(mesh, vs), None)) for vs in mesh.of(VirtualService) if is_of_mesh(vs.body))
    return {key: place for key, place in found if place is not None}


def _places(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Place]:
    for route, rule, gateway in legs(mesh, vs):
        targets: tuple[HTTPRouteDestination | RouteDestination, ...] = rule.route
        index = next(n for n, each in enumerate(targets) if each.destination.host == gateway)
        yield (*route, "route", index, "destination", "host"), gateway


def legs(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[tuple[Route, Rule, str]]:
    """The rules for clients of the mesh that send to an egress gateway: where they stand, and the gateway's host."""
    spec = vs.body.spec
    if all(hosts.services(mesh, each, vs.namespace, vs.file) for each in spec.hosts):
        return
    kinds: tuple[tuple[str, tuple[Rule, ...]], ...] = (("http", spec.http), ("tcp", spec.tcp), ("tls", spec.tls))
    for kind, number, rule in ((kind, number, rule) for kind, rules in kinds for number, rule in enumerate(rules)):
        if rule.match and not any(not each.gateways or MESH in each.gateways for each in rule.match):
            continue
        targets: tuple[HTTPRouteDestination | RouteDestination, ...] = rule.route
        for host in dict.fromkeys(each.destination.host for each in targets):
            if _is_gateway(mesh, host, vs):
                yield ("spec", kind, number), rule, host


def _is_gateway(mesh: Mesh, host: str, by: Resource[VirtualService]) -> bool:
    """Whether gateway pods are behind the host; of a Service that was not read only the name tells."""
    service = hosts.service(mesh, host, by.namespace, by.file)
    if service is not None:
        return ingress.is_gateway(mesh, service)
    name = host.partition(".")[0]
    return "egress" in name and ("gateway" in name or name.endswith("gw"))
