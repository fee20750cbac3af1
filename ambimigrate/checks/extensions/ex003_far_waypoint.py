"""EX003: a WasmPlugin on a Service whose waypoint lies in another namespace."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.kinds import Service, WasmPlugin
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, waypoints


@rule("EX003", WasmPlugin)
def check(plugin: Resource[WasmPlugin], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(plugin):
        service = mesh.find(Service, plugin.namespace, ref.name, plugin.file) if ref.kind == "Service" else None
        found = waypoints.binding(mesh, service) if service else None
        if not found or found.fault or found.namespace == plugin.namespace:
            continue
        far = f"waypoint {found.namespace}/{found.name} of Service {ref.name} lies in another namespace"
        if support.status("wasm-at-a-far-waypoint", "waypoint", mesh.target.istio) == "fails closed":
            message = f"{far}: on Istio {mesh.target.istio} it crashes at start, and all its Services with it"
            yield Hit(plugin.at(*route), message, "crash")
        else:
            yield Hit(plugin.at(*route), f"fails open: {far}, which does not load it on Istio {mesh.target.istio}", "ignored")
