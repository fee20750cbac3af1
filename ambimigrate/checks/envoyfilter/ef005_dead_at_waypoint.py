"""EF005: patches with targetRefs to a waypoint that cannot match there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.kinds import EnvoyFilter, Gateway
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import attachment, policies, reach, waypoints

SIDECAR_LISTENERS = ("virtualInbound", "virtualOutbound", "0.0.0.0_")  # a waypoint has main_internal, connect_terminate


@rule("EF005", EnvoyFilter)
def check(envoy: Resource[EnvoyFilter], mesh: Mesh) -> Iterator[Hit]:
    for number, patch in enumerate(envoy.body.spec.config_patches):
        if shapes.context(patch) == "WAYPOINT":
            where = envoy.at("spec", "configPatches", number, "match", "context")
            yield Hit(
                where, "fails open: context WAYPOINT is not implemented, so the patch is applied nowhere", "context-waypoint"
            )
    reached = list(_waypoints(mesh, envoy))
    if not reached:
        return
    names = policies.listed(each.name for each in reached)
    for number, patch in enumerate(envoy.body.spec.config_patches):
        found = _dead(patch)
        if found:
            case, route, words = found
            yield Hit(envoy.at("spec", "configPatches", number, *route), f"{words} at waypoint {names}", case)
        elif patch.apply_to in shapes.ROUTES:
            yield from _lost_with_routes(mesh, envoy, number, reached)


def _waypoints(mesh: Mesh, envoy: Resource[EnvoyFilter]) -> Iterator[Resource[Gateway]]:
    for _, ref in policies.targets(envoy):
        if ref.kind == "Gateway":
            found = mesh.find(Gateway, envoy.namespace, ref.name, envoy.file)
            if found and waypoints.is_waypoint(found.body):
                yield found
        elif ref.kind == "GatewayClass" and ref.name == waypoints.CLASS and policies.is_root(mesh, envoy):
            yield from waypoints.waypoints(mesh)


def _dead(patch: ConfigPatch) -> tuple[str, Route, str] | None:
    context = shapes.context(patch)
    if context in {"SIDECAR_OUTBOUND", "GATEWAY"}:
        return "context", ("match", "context"), f"fails open: context {context} does nothing"
    listener = (patch.match or {}).get("listener")
    listener = listener if isinstance(listener, dict) else {}
    if "portNumber" in listener or "port_number" in listener:
        return "port", ("match", "listener"), "fails open: its listener has no port, so portNumber never matches"
    name = listener.get("name", "")
    if isinstance(name, str) and name.startswith(SIDECAR_LISTENERS):
        return "listener", ("match", "listener", "name"), f"fails open: there is no listener {name}"
    if patch.apply_to == "HTTP_FILTER" and not name and context in shapes.INBOUND and not _names_chain(listener):
        return "connect", ("match",), "without a listener name the filter also runs on every CONNECT of the tunnel"
    return None


def _names_chain(listener: dict[str, Any]) -> bool:
    chain = listener.get("filterChain")
    return isinstance(chain, dict) and bool(chain.get("name"))


def _lost_with_routes(mesh: Mesh, envoy: Resource[EnvoyFilter], number: int, reached: list[Resource[Gateway]]) -> Iterator[Hit]:
    """Only the default route of a Service is patched (Istio, `buildWaypointInboundHTTPRouteConfig`)."""
    served = [each for gateway in reached for each in attachment.served(mesh, gateway)]
    routed = [each for each in served if reach.mesh_routes(mesh, each) or reach.mesh_virtual_services(mesh, each)]
    if routed:
        names = policies.listed(each.name for each in routed)
        where = envoy.at("spec", "configPatches", number, "applyTo")
        message = (
            f"fails open: a waypoint patches only default routes, and {names} has routes of its own, which stay as they are"
        )
        yield Hit(where, message, "routes")
