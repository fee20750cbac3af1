"""DR010: load balancing PASSTHROUGH, for which a waypoint has no endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, read_subjects
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, waypoints


@rule("DR010", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = [each for each in read_subjects(mesh, dr) if isinstance(each.body, Service) and not hosts.is_headless(each)]
    bound = [each for each in found if waypoints.is_bound(mesh, each)]
    for route, policy in parts(dr.body):
        if found and policy.load_balancer and policy.load_balancer.simple == "PASSTHROUGH":
            place = dr.at(*route, "loadBalancer", "simple")
            if bound:
                yield Hit(place, f"the waypoint of {named(bound)} has no endpoint to pass through to: calls fail", case="bound")
            else:
                message = f"once {named(found)} has a waypoint it finds no endpoint to pass through to: calls would fail"
                yield Hit(place, message, case="unbound")
