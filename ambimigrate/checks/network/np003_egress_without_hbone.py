"""NP003: a NetworkPolicy that lets pods out to others of the mesh by port, but not on port 15008."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.network import words
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyEgressRule
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import injection
from ambimigrate.topology import networks as reach
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import container_ports, in_namespace, workloads


@rule("NP003", NetworkPolicy)
def check(policy: Resource[NetworkPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not reach.restricts(policy.body, "Egress") or not _concerns(mesh, policy):
        return
    for i, each in enumerate(policy.body.spec.egress):
        ports = [one for one in reach.tcp(each.ports) if one.port not in reach.APART]
        if not ports or reach.admits(each.ports) or _admitted(mesh, policy, each):
            continue
        whom = _callees(mesh, policy, each)
        if whom:
            yield Hit(
                policy.at("spec", "egress", i, "ports"),
                f"calls to {whom} leave the pod for port {reach.HBONE} once both sides are ambient; this rule lets out only "
                f"{reach.shown(each.ports)}, so they time out",
            )


def _concerns(mesh: Mesh, policy: Resource[NetworkPolicy]) -> bool:
    """Whether it selects pods that will speak HBONE: of workloads, waypoints or gateways."""
    if reach.selected(mesh, policy) or reach.means_unseen(mesh, policy):
        return True
    own = in_namespace(mesh, policy.namespace)
    return any(injection.is_gateway(each) and reach.selects(policy.body.spec.pod_selector, each.labels) for each in own)


def _callees(mesh: Mesh, policy: Resource[NetworkPolicy], each: NetworkPolicyEgressRule) -> str:
    """Pods of the mesh that the rule is for; for a rule without peers those that declare one of its ports."""
    if each.to:
        inside = (one for one in each.to if one.ip_block is None and reach.from_mesh(mesh, one, policy.namespace))
        return words.described(tuple(inside)) if any(_inside(mesh, policy, each)) else ""
    numbers = [one.port for one in reach.tcp(each.ports) if isinstance(one.port, int) and one.port not in reach.APART]
    return listed(name for number in numbers for name in mesh.index(_by_port).get(number, ()))


def _inside(mesh: Mesh, policy: Resource[NetworkPolicy], each: NetworkPolicyEgressRule) -> Iterator[bool]:
    return (one.ip_block is None and reach.from_mesh(mesh, one, policy.namespace) for one in each.to)


def _by_port(mesh: Mesh) -> dict[int, tuple[str, ...]]:
    enrolled = (each for each in workloads(mesh) if captured(mesh, each))
    return grouped((port, f"{each.namespace}/{each.name}") for each in enrolled for port in sorted(container_ports(each)))


def _admitted(mesh: Mesh, policy: Resource[NetworkPolicy], each: NetworkPolicyEgressRule) -> bool:
    """Whether for all of the pods some policy lets out to the same peers on 15008."""
    groups = [list(reach.policies_on(mesh, one, "Egress")) for one in reach.selected(mesh, policy)] or [[policy]]
    return all(any(_opens(other, each) for other in group) for group in groups)


def _opens(policy: Resource[NetworkPolicy], each: NetworkPolicyEgressRule) -> bool:
    return any(reach.admits(one.ports) and reach.covers(one.to, each.to) for one in policy.body.spec.egress)
