"""AP020: a policy for a whole waypoint that serves several namespaces."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Gateway
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies, waypoints


@rule("AP020", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    for route, ref in policies.targets(policy):
        gateway = mesh.find(Gateway, policy.namespace, ref.name, policy.file) if ref.kind == "Gateway" else None
        if gateway is None or not waypoints.is_waypoint(gateway.body):
            continue
        namespaces = sorted({each.namespace for each in attachment.served(mesh, gateway)})
        if len(namespaces) > 1:
            message = (
                f"waypoint {ref.name} serves {policies.listed(namespaces)}: the policy holds for the Services of all of them"
            )
            yield Hit(policy.at(*route), message)
