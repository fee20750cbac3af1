"""RT003: a route for the mesh in a namespace whose routes the Service's waypoint does not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import parents
from ambimigrate.kinds import GRPCRoute, HTTPRoute, TCPRoute, TLSRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("RT003", HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for place, _, target in parents(mesh, route):
        if not reach.is_read(mesh, route.namespace, target):
            read = reach.listed(sorted(set(reach.read_namespaces(mesh, target))))
            yield Hit(
                route.at(*place),
                f"the waypoint of {target.name} reads routes of namespace {read} only: for ambient clients of {route.namespace}"
                " this one does nothing",
            )
