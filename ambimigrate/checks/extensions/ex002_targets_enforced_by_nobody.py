"""EX002: targetRefs of a WasmPlugin or TrafficExtension that no waypoint and no gateway loads."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import TrafficExtension, WasmPlugin
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies


@rule("EX002", WasmPlugin, TrafficExtension)
def check(plugin: Resource[WasmPlugin | TrafficExtension], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(plugin):
        found = attachment.fault(mesh, plugin, ref)
        if found and found.case == "unseen":
            yield Hit(plugin.at(*route), f"{found.words}; it runs only where a working waypoint serves that Service", "unseen")
        elif found:
            case = "version" if found.case == "version" else "nobody"
            yield Hit(plugin.at(*route), f"fails open: {found.words}, so no proxy loads it", case)
