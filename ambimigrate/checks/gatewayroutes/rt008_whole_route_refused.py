"""RT008: a part that Istio does not take, because of which the whole route has no rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import is_missing, is_of_mesh
from ambimigrate.kinds import GRPCRoute, HTTPRoute
from ambimigrate.model import Hit, Mesh, Resource, Route

REFUSED = {"ExtensionRef", "ExternalAuth"}
BACKEND = {"RequestHeaderModifier", "ResponseHeaderModifier"}


@rule("RT008", HTTPRoute, GRPCRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(mesh, route):
        return
    for number, each in enumerate(route.body.spec.rules):
        place: Route = ("spec", "rules", number)
        for index, filter_ in enumerate(each.filters):
            if filter_.type in REFUSED:
                yield _hit(route, (*place, "filters", index), f"filter {filter_.type}")
            elif filter_.request_mirror and _is_missing(mesh, route, filter_.request_mirror.backend_ref):
                name = filter_.request_mirror.backend_ref.name
                message = f"there is no Service {name} to mirror to: Istio {mesh.target.istio} drops all rules of the route"
                yield Hit(route.at(*place, "filters", index), message, case="mirror")
        for index, backend in enumerate(each.backend_refs):
            yield from _of_backend(route, (*place, "backendRefs", index), backend)


def _of_backend(route: Resource[Any], place: Route, backend: Any) -> Iterator[Hit]:
    if backend.kind == "Service" and backend.port is None:
        yield _hit(route, place, f"backendRef {backend.name} without a port")
    if backend.kind == "Service" and "." in backend.name:
        yield _hit(route, (*place, "name"), f"the name {backend.name} with a dot")
    for filter_ in backend.filters:
        if filter_.type not in BACKEND:
            yield _hit(route, (*place, "filters"), f"filter {filter_.type} at a backend")


def _hit(route: Resource[Any], place: Route, what: str) -> Hit:
    return Hit(route.at(*place), f"fails open: Istio does not take {what}, so no rule of this {route.kind} has any effect")


def _is_missing(mesh: Mesh, route: Resource[Any], backend: Any) -> bool:
    return backend.kind == "Service" and is_missing(mesh, backend.namespace or route.namespace, backend.name, route.file)
