"""TE001: Telemetry for pods by selector, which neither ztunnel nor waypoints read."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.telemetry.words import settings
from ambimigrate.kinds import Telemetry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, injection, meshconfig, reach, waypoints


@rule("TE001", Telemetry)
def check(telemetry: Resource[Telemetry], mesh: Mesh) -> Iterator[Hit]:
    spec = telemetry.body.spec
    selector = spec.selector.match_labels if spec.selector else {}
    if not selector or spec.target_refs or spec.target_ref or not _is_meshed(mesh, telemetry.namespace):
        return
    place = telemetry.at("spec", "selector")
    labels = ", ".join(f"{key}={value}" for key, value in selector.items())
    names = {each.name for each in waypoints.waypoints(mesh)}
    if selector.get(ingress.GATEWAY_NAME) in names:
        yield Hit(place, f"a selector does not reach the waypoint {selector[ingress.GATEWAY_NAME]}", case="waypoint")
    elif not ingress.is_selected(mesh, telemetry.namespace, selector):
        message = f"{settings(telemetry.body)} settings for pods {labels} end with their sidecars; waypoints skip selectors"
        yield Hit(place, message, case="pods")


def _is_meshed(mesh: Mesh, namespace: str) -> bool:
    if namespace == meshconfig.root_namespace(mesh):
        return reach.has_members(mesh)
    return injection.is_meshed(mesh, namespace)
