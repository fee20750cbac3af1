"""DR001: a DestinationRule whose Service has no working waypoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import Policy, is_wild, named, parts, read_subjects
from ambimigrate.kinds import DestinationRule, Service, VirtualService
from ambimigrate.kinds.traffic import TrafficPolicy
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import hosts, reach, waypoints
from ambimigrate.topology.virtualservices import destinations, is_of_mesh


@rule("DR001", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    lost = ", ".join(dict.fromkeys(word for _, part in parts(dr.body) for word in _words(part)))
    said = " and ".join(each for each in (lost, "its subsets" if _routes_to_subsets(mesh, dr) else "") if each)
    found = read_subjects(mesh, dr)
    headless = [each for each in found if isinstance(each.body, Service) and hosts.is_headless(each)]
    if headless and lost:
        message = f"clients of the headless {named(headless)} pass every waypoint, so ambient callers lose {lost}"
        yield Hit(dr.at("spec", "host"), message, case="headless")
    bindable = [each for each in found if not (isinstance(each.body, Service) and hosts.is_headless(each))]
    unbound = [each for each in bindable if not waypoints.is_bound(mesh, each)]
    if unbound and said:
        yield Hit(
            dr.at("spec", "host"),
            f"{dr.body.spec.host}: no waypoint serves {named(unbound)}, so ambient callers lose {said}",
            services=() if is_wild(dr) else reach.needed(bindable),
        )
    elif unbound:
        yield from _balancing(dr, unbound)


def _routes_to_subsets(mesh: Mesh, dr: Resource[DestinationRule]) -> bool:
    """Whether callers in the mesh use the subsets; not if all routes to them are for gateways, which keep them."""
    if is_wild(dr):
        return bool(dr.body.spec.subsets)
    host = hosts.full_name(dr.body.spec.host, dr.namespace)
    uses = [use for each in dr.body.spec.subsets for use in mesh.index(_uses).get((host, each.name), ())]
    return bool(dr.body.spec.subsets) and (not uses or any(is_of_mesh(each.body) for each in uses))


def _uses(mesh: Mesh) -> Mapping[tuple[str, str], tuple[Resource[VirtualService], ...]]:
    """The VirtualServices that route to a subset, by host and subset."""
    routes = ((each, to) for each in mesh.of(VirtualService) for to in destinations(each.body) if to.subset)
    return grouped(((hosts.full_name(to.host, each.namespace), to.subset), each) for each, to in routes)


def _balancing(dr: Resource[DestinationRule], unbound: list[Resource[Any]]) -> Iterator[Hit]:
    """A choice of algorithm alone: not worth a waypoint, but said."""
    for route, policy in parts(dr.body):
        simple = policy.load_balancer.simple if policy.load_balancer else None
        if simple not in {None, "PASSTHROUGH", "UNSPECIFIED"}:
            message = f"ztunnel balances connections to {named(unbound)} in its own way, not by {simple}"
            yield Hit(dr.at(*route, "loadBalancer", "simple"), message, case="balancing")


def _words(policy: Policy) -> Iterator[str]:
    """What a policy does, in words; TLS is the matter of other rules."""
    balancer, pool = policy.load_balancer, policy.connection_pool
    if balancer and balancer.consistent_hash:
        yield "consistentHash"
    if balancer and (balancer.warmup or balancer.warmup_duration_secs):
        yield "warm-up"
    if pool and (pool.http or pool.tcp):
        yield "connectionPool"
    if policy.outlier_detection:
        yield "outlierDetection"
    if isinstance(policy, TrafficPolicy):
        fields = {"tunnel": policy.tunnel, "proxyProtocol": policy.proxy_protocol, "retryBudget": policy.retry_budget}
        yield from (name for name, value in fields.items() if value)
