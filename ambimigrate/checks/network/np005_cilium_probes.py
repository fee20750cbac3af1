"""NP005: on Cilium a policy that denies by default also drops the kubelet's probes of enrolled pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.network.cilium import restricts, selected
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, NetworkPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import networks as reach
from ambimigrate.topology import probes


@rule("NP005", NetworkPolicy, CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not probes.runs_cilium(mesh) or probes.are_admitted(mesh):
        return
    probed = [each.name for each in _denied(mesh, policy) if each.workload and probes.is_probed(each.workload)]
    if probed:
        yield Hit(
            policy.at("spec"),
            f"once {listed(probed)} is ambient, the kubelet's probes come from {probes.V4}, which Cilium does not take for "
            "the node: this policy drops them and the pods restart",
        )


def _denied(mesh: Mesh, policy: Resource[Any]) -> Iterator[reach.Pods]:
    """Pods of ambient mode that the policy isolates, without those for which a policy admits the probes."""
    if probes.admits(policy):
        return
    if not isinstance(policy.body, NetworkPolicy):
        found = selected(mesh, policy) if restricts(policy.body, "ingress") else ()
    else:
        found = reach.selected(mesh, policy) if reach.restricts(policy.body, "Ingress") else ()
    yield from (each for each in found if each.workload and not _is_admitted(mesh, each))


def _is_admitted(mesh: Mesh, pods: reach.Pods) -> bool:
    """Whether another policy for the pods admits the probes: what one of them admits is admitted."""
    if any(probes.admits(each) for each in reach.policies_on(mesh, pods, "Ingress")):
        return True
    near = (each for each in mesh.within(CiliumNetworkPolicy, pods.namespace) if probes.admits(each))
    return any(pods in selected(mesh, each) for each in near)
