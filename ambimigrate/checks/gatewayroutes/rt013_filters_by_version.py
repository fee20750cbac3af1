"""RT013: retries and CORS in an HTTPRoute, which older releases leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import is_of_mesh
from ambimigrate.kinds import HTTPRoute
from ambimigrate.kinds.gatewayapi import HTTPRouteFilter
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.versions import Version


@rule("RT013", HTTPRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(mesh, route):
        return
    istio = mesh.target.istio
    for number, each in enumerate(route.body.spec.rules):
        place = ("spec", "rules", number)
        if each.retry:
            yield Hit(route.at(*place, "retry"), f"Istio {istio} ignores retry in an HTTPRoute", case="retry")
        if each.session_persistence:
            message = "Istio ignores sessionPersistence: requests of a session land on any pod"
            yield Hit(route.at(*place, "sessionPersistence"), message, case="session")
        for index, filter_ in enumerate(each.filters):
            yield from _cors(route.at(*place, "filters", index), filter_, istio)


def _cors(where: Position, filter_: HTTPRouteFilter, istio: Version) -> Iterator[Hit]:
    if filter_.cors is None:
        return
    yield Hit(where, f"Istio {istio} ignores the CORS filter", case="cors")
    if any("*" in origin for origin in filter_.cors.allow_origins):
        message = f"Istio {istio} takes the wildcard in allowOrigins literally: browsers are refused"
        yield Hit(where, message, case="cors-wildcard")
