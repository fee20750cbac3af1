"""DR011: fields of traffic policies that older waypoints leave out."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import Policy, named, parts, read_subjects
from ambimigrate.kinds import DestinationRule
from ambimigrate.kinds.traffic import TrafficPolicy
from ambimigrate.model import Hit, Mesh, Resource, Route


@rule("DR011", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = read_subjects(mesh, dr)
    if not found:
        return
    for route, policy in parts(dr.body):
        for inside, case in _limited(policy):
            what = inside[-1] if inside else "trafficPolicy"
            message = f"the waypoint of {named(found)} does not read {what} on Istio {mesh.target.istio}"
            yield Hit(dr.at(*route, *inside), message, case=case)


def _limited(policy: Policy) -> Iterator[tuple[Route, str]]:
    tcp = policy.connection_pool.tcp if policy.connection_pool else None
    if tcp and tcp.idle_timeout:
        yield ("connectionPool", "tcp", "idleTimeout"), "tcp-timeout"
    if tcp and tcp.max_connection_duration:
        yield ("connectionPool", "tcp", "maxConnectionDuration"), "tcp-timeout"
    if isinstance(policy, TrafficPolicy):
        yield (), "all"
        if policy.port_level_settings:
            yield ("portLevelSettings",), "port-level"
        if policy.tunnel:
            yield ("tunnel",), "tunnel"
        if policy.retry_budget:
            yield ("retryBudget",), "retry-budget"
