"""EX001: a WasmPlugin or TrafficExtension without targetRefs, which nothing in ambient mode loads."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import TrafficExtension, WasmPlugin
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, twins


@rule("EX001", WasmPlugin, TrafficExtension)
def check(plugin: Resource[WasmPlugin | TrafficExtension], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, plugin)
    if not scope.concerns or twins.is_settled(mesh, plugin):
        return
    what = "plugin" if isinstance(plugin.body, WasmPlugin) else "extension"
    yield Hit(
        plugin.at(*policies.selector_route(plugin)),
        f"fails open: this {what} no longer runs for {scope.words}, since ztunnel loads none and waypoints ask for targetRefs",
        what,
        policies.needing(twins.untwinned(mesh, plugin)),
    )
