"""NP004: a NetworkPolicy that admits the callers but not the waypoint through which they come."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.network import words
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import networks as reach
from ambimigrate.topology import waypoints
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.workloads import services_of


@rule("NP004", NetworkPolicy)
def check(policy: Resource[NetworkPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not waypoints.waypoints(mesh):
        return
    for direction in ("Ingress", "Egress"):
        if reach.restricts(policy.body, direction):
            for pods in reach.selected(mesh, policy):
                yield from _ingress(mesh, policy, pods) if direction == "Ingress" else _egress(mesh, policy, pods)


def _ingress(mesh: Mesh, policy: Resource[NetworkPolicy], pods: reach.Pods) -> Iterator[Hit]:
    for name, waypoint in _waypoints(mesh, pods):
        opening = [i for i, each in enumerate(policy.body.spec.ingress) if reach.admits(each.ports)]
        if opening and not _lets_in(mesh, pods, waypoint):
            yield Hit(
                policy.at("spec", "ingress", opening[0], "from"),
                f"calls to {name} reach {pods.name} from the pods of {waypoint.name} in {waypoint.namespace}; "
                f"{words.described(policy.body.spec.ingress[opening[0]].from_)} is admitted, the waypoint is not",
            )
            return


def _lets_in(mesh: Mesh, pods: reach.Pods, waypoint: reach.Pods) -> bool:
    for policy in reach.policies_on(mesh, pods, "Ingress"):
        for each in policy.body.spec.ingress:
            if reach.admits(each.ports) and reach.is_peer(mesh, each.from_, waypoint, policy.namespace):
                return True
    return False


def _waypoints(mesh: Mesh, pods: reach.Pods) -> Iterator[tuple[str, reach.Pods]]:
    """The waypoints of the Services in front of the pods."""
    for service in services_of(mesh, pods.workload) if pods.workload else ():
        found = waypoints.binding(mesh, service)
        if found is not None and found.fault is None and found.gateway is not None:
            yield service.name, reach.waypoint_pods(found.namespace, found.name, copied_labels(found.gateway.body))


def _egress(mesh: Mesh, policy: Resource[NetworkPolicy], pods: reach.Pods) -> Iterator[Hit]:
    if pods.workload is None:
        return  # a waypoint calls the pods themselves
    for i, each in enumerate(policy.body.spec.egress):
        if not each.to or not reach.admits(each.ports):
            continue
        for name, waypoint in _behind(mesh, policy, i):
            if not _lets_out(mesh, pods, waypoint):
                yield Hit(
                    policy.at("spec", "egress", i, "to"),
                    f"{pods.name} calls {name} through {waypoint.name} in {waypoint.namespace}, to which no rule lets it out",
                    "egress",
                )
                return


def _behind(mesh: Mesh, policy: Resource[NetworkPolicy], i: int) -> Iterator[tuple[str, reach.Pods]]:
    """The waypoints in front of the pods that an egress rule names."""
    for each in reach.peers_of(mesh, policy.body.spec.egress[i].to, policy.namespace):
        yield from _waypoints(mesh, each)


def _lets_out(mesh: Mesh, pods: reach.Pods, waypoint: reach.Pods) -> bool:
    for policy in reach.policies_on(mesh, pods, "Egress"):
        for each in policy.body.spec.egress:
            if reach.admits(each.ports) and reach.is_peer(mesh, each.to, waypoint, policy.namespace):
                return True
    return False
