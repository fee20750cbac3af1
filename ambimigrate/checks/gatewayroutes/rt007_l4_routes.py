"""RT007: TCPRoutes and TLSRoutes, which depend on the release, a flag and the CRDs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import is_of_mesh, parents
from ambimigrate.kinds import TCPRoute, TLSRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import flags, reach
from ambimigrate.versions import Version, at_least

FLAG = "PILOT_ENABLE_ALPHA_GATEWAY_API"


@rule("RT007", TCPRoute, TLSRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(mesh, route):
        return
    tls = isinstance(route.body, TLSRoute)
    place = route.at("spec", "parentRefs")
    yield Hit(place, f"Istio {mesh.target.istio} ignores every {route.kind} at waypoints", case="old")
    if not flags.pilot_env(mesh, FLAG):
        message = f"Istio {mesh.target.istio} ignores this {route.kind}: nothing sets {FLAG} in istiod"
        yield Hit(place, message, case="tls-flag" if tls else "tcp-flag")
    yield from _bundle(route, mesh, tls=tls)
    if tls:
        yield from _hostnames(route, mesh)


def _bundle(route: Resource[Any], mesh: Mesh, *, tls: bool) -> Iterator[Hit]:
    """Istio, pkg/config/schema/gatewayapi/minimumversions.go; the upper bound for TLSRoute observed on 1.28.10."""
    bundle, place = mesh.target.gateway_api, route.at("spec", "parentRefs")
    told = f"Istio {mesh.target.istio} ignores a {route.kind} of Gateway API {bundle}"
    if tls and bundle > Version(1, 4, 1):
        yield Hit(place, told, case="tls-new-crd")
    if tls and not at_least(bundle, "1.5.0"):
        yield Hit(place, told, case="tls-old-crd")
    if not tls and not at_least(bundle, "1.6.0"):
        yield Hit(place, told, case="tcp-old-crd")


def _hostnames(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    """A TLSRoute counts if its one hostname is that of the Service; SNI itself is not looked at."""
    for _, _, target in parents(mesh, route):
        own = reach.hostnames(target)
        if route.body.spec.hostnames and not set(route.body.spec.hostnames) <= set(own):
            message = (
                f"hostnames {reach.listed(route.body.spec.hostnames)} are not {reach.listed(own)}: the route is never used"
            )
            yield Hit(route.at("spec", "hostnames"), message, case="tls-hostname")
