"""Which Services somebody has rules of layer 7 for: routes, and policies that target them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    GRPCRoute,
    HTTPRoute,
    RequestAuthentication,
    Service,
    VirtualService,
)
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import hosts
from ambimigrate.topology.virtualservices import is_of_mesh

Name = tuple[str, str]


def rules_for(mesh: Mesh, service: Resource[Service]) -> tuple[str, ...]:
    """What names the Service and needs a proxy of HTTP, in words."""
    return mesh.index(_rules).get((service.namespace, service.name), ())


def settings_for(mesh: Mesh, service: Resource[Service]) -> tuple[str, ...]:
    """The same with DestinationRules."""
    found = mesh.index(_destinations).get((service.namespace, service.name), ())
    return (*rules_for(mesh, service), *found)


def _rules(mesh: Mesh) -> dict[Name, tuple[str, ...]]:
    return grouped((*_routes(mesh), *_policies(mesh)))


def _named(mesh: Mesh, host: str, namespace: str, file: str) -> Iterator[Name]:
    found = hosts.service(mesh, host, namespace, file)
    if found is not None:
        yield found.namespace, found.name


def _routes(mesh: Mesh) -> Iterator[tuple[Name, str]]:
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body) and vs.body.spec.http:
            for host in vs.body.spec.hosts:
                yield from ((name, str(vs.ref)) for name in _named(mesh, host, vs.namespace, vs.file))
    routes: tuple[Resource[Any], ...] = (*mesh.of(HTTPRoute), *mesh.of(GRPCRoute))
    for route in routes:
        for parent in route.body.spec.parent_refs:
            if parent.kind == "Service":
                yield (parent.namespace or route.namespace, parent.name), str(route.ref)


def _policies(mesh: Mesh) -> Iterator[tuple[Name, str]]:
    policies: tuple[Resource[Any], ...] = (*mesh.of(AuthorizationPolicy), *mesh.of(RequestAuthentication))
    for policy in policies:
        spec = policy.body.spec
        for target in (*spec.target_refs, *((spec.target_ref,) if spec.target_ref else ())):
            if target.kind == "Service":
                yield (policy.namespace, target.name), str(policy.ref)


def _destinations(mesh: Mesh) -> dict[Name, tuple[str, ...]]:
    return grouped(
        (name, str(each.ref))
        for each in mesh.of(DestinationRule)
        for name in _named(mesh, each.body.spec.host, each.namespace, each.file)
    )
