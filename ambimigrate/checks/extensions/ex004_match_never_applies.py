"""EX004: matches by mode CLIENT or by port, which never apply at a waypoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway, TrafficExtension, WasmPlugin
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, waypoints


@rule("EX004", WasmPlugin, TrafficExtension)
def check(plugin: Resource[WasmPlugin | TrafficExtension], mesh: Mesh) -> Iterator[Hit]:
    if not policies.targets(plugin) or _is_of_gateways(mesh, plugin):
        return
    matches = plugin.body.spec.match
    dead = [n for n, each in enumerate(matches) if each.mode == "CLIENT" or each.ports]
    if not dead or len(dead) < len(matches):
        return
    for number in dead:
        by_port = bool(matches[number].ports)
        why = "a waypoint's listener has no port" if by_port else "a waypoint is a server"
        field = "ports" if by_port else "mode"
        what = "ports" if by_port else "mode CLIENT"
        yield Hit(plugin.at("spec", "match", number, field), f"fails open: {what} never matches, since {why}: it runs nowhere")


def _is_of_gateways(mesh: Mesh, plugin: Resource[WasmPlugin | TrafficExtension]) -> bool:
    """Whether it is for gateways that are no waypoints."""
    for _, ref in policies.targets(plugin):
        found = mesh.find(Gateway, plugin.namespace, ref.name, plugin.file) if ref.kind == "Gateway" else None
        if found and not waypoints.is_waypoint(found.body):
            return True
    return False
