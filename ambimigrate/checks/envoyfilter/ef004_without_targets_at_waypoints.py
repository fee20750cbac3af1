"""EF004: EnvoyFilters without targetRefs where waypoints are: applied to them up to 1.26, never since 1.27."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.kinds import EnvoyFilter, Gateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, waypoints


@rule("EF004", EnvoyFilter)
def check(envoy: Resource[EnvoyFilter], mesh: Mesh) -> Iterator[Hit]:
    if (
        policies.targets(envoy)
        or shapes.is_istios(envoy)
        or not any(shapes.context(each) in shapes.INBOUND for each in envoy.body.spec.config_patches)
    ):
        return
    where = envoy.at(*policies.selector_route(envoy))
    chosen = policies.waypoint_of_labels(mesh, envoy)
    if chosen:
        if support.status("envoy-filter", "waypoint", mesh.target.istio) == "alpha":
            message = (
                f"fails open: from 1.27 on selectors never reach waypoints, so waypoint {chosen.name} does not get this filter"
            )
            yield Hit(where, message, "selector")
        return
    reached = [] if policies.selector(envoy) else _waypoints(mesh, envoy)
    if reached:
        names = policies.listed(policies.named(each) for each in reached)
        if support.status("envoy-filter", "waypoint", mesh.target.istio) == "alpha":
            yield Hit(where, f"waypoints {names} do not get this filter: from 1.27 on only targetRefs attach one", "gone")
        else:
            yield Hit(where, f"Istio {mesh.target.istio} applies this filter to waypoints {names} as well", "applied")


def _waypoints(mesh: Mesh, envoy: Resource[EnvoyFilter]) -> list[Resource[Gateway]]:
    found = waypoints.waypoints(mesh)
    return [each for each in found if policies.is_root(mesh, envoy) or each.namespace == envoy.namespace]
