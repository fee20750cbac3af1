"""RT012: a route to another Service whose own waypoint or policies the first waypoint skips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import parents
from ambimigrate.kinds import GRPCRoute, HTTPRoute, Service, TCPRoute, TLSRoute
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import onward, reach


@rule("RT012", HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    origins = [target for _, _, target in parents(mesh, route) if reach.is_read(mesh, route.namespace, target)]
    said: set[str] = set()
    backends = ((i, j, ref) for i, each in enumerate(route.body.spec.rules) for j, ref in enumerate(each.backend_refs))
    for number, index, ref in backends if origins else ():
        target = mesh.find(Service, ref.namespace or route.namespace, ref.name, route.file) if ref.kind == "Service" else None
        for case, message in onward.all_skipped(mesh, origins, (target,) if target else ()):
            if message not in said:
                said.add(message)
                yield Hit(route.at("spec", "rules", number, "backendRefs", index), message, case=case)
