"""The parents of a route inside the mesh, with their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import Service
from ambimigrate.kinds.gatewayapi import ParentRef
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.topology import hosts, reach


def parents(mesh: Mesh, route: Resource[Any]) -> Iterator[tuple[Route, ParentRef, Resource[Any]]]:
    """Every Service and ServiceEntry of the mesh that is a parent; a Service that was not read is taken to be there."""
    for number, ref in enumerate(route.body.spec.parent_refs):
        named = reach.parent(ref, route.namespace)
        if named is None:
            continue
        found = reach.find(mesh, named, route.file)
        if found is None and named[0] == "Service":
            found = Resource(Ref("Service", "", named[1], named[2]), Service(), route.origin)
        if found is not None and reach.is_called(mesh, found):
            yield ("spec", "parentRefs", number), ref, found


def is_servable(target: Resource[Any]) -> bool:
    """Whether a waypoint can stand in front of it: it has an address of its own."""
    if not isinstance(target.body, Service):
        return True
    return not hosts.is_headless(target) and target.body.spec.type != "ExternalName"


def is_missing(mesh: Mesh, namespace: str, name: str, near: str) -> bool:
    """Whether a Service is surely not there: others of its namespace were read, it was not."""
    if mesh.find(Service, namespace, name, near) is not None:
        return False
    if mesh.is_whole(Service, namespace):
        return True
    return bool(mesh.within(Service, namespace))


def is_of_mesh(mesh: Mesh, route: Resource[Any]) -> bool:
    """Whether the route has a parent inside the mesh."""
    return any(True for _ in parents(mesh, route))
