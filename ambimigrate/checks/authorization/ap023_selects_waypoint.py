"""AP023: policies that select the pods of a waypoint by labels, which waypoints never read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, WasmPlugin
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies


@rule("AP023", AuthorizationPolicy, RequestAuthentication, WasmPlugin)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    found = None if policies.targets(policy) else policies.waypoint_of_labels(mesh, policy)
    if found:
        message = f"fails open: it selects the pods of waypoint {found.name}, which takes policies by targetRefs only"
        yield Hit(policy.at("spec", "selector"), message)
