"""NP005: on Cilium a policy that denies by default also drops the kubelet's probes of enrolled pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.network.cilium import PROBES, admits_probes, restricts, selected
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, ConfigMap, NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyIngressRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import networks as reach


@rule("NP005", NetworkPolicy, CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy)
def check(policy: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not runs_cilium(mesh) or mesh.index(_is_open):
        return
    probed = [each.name for each in _denied(mesh, policy) if _has_probes(each)]
    if probed:
        yield Hit(
            policy.at("spec"),
            f"once {listed(probed)} is ambient, the kubelet's probes come from {PROBES}, which Cilium does not take for "
            "the node: this policy drops them and the pods restart",
        )


def runs_cilium(mesh: Mesh) -> bool:
    """Whether the input shows Cilium: its configuration, or policies of it."""
    return bool(
        mesh.target.platform == "cilium"
        or mesh.of(CiliumNetworkPolicy)
        or mesh.of(CiliumClusterwideNetworkPolicy)
        or any(each.name == "cilium-config" for each in mesh.of(ConfigMap))
    )


def _is_open(mesh: Mesh) -> bool:
    """Whether a policy for the whole cluster admits the probes' address."""
    return any(admits_probes(each.body) for each in mesh.of(CiliumClusterwideNetworkPolicy))


def _denied(mesh: Mesh, policy: Resource[Any]) -> Iterator[reach.Pods]:
    """Pods of ambient mode that the policy isolates, none if one of its own rules admits the probes."""
    if isinstance(policy.body, NetworkPolicy):
        anyone = any(_is_anyone(each) for each in policy.body.spec.ingress)
        if reach.restricts(policy.body, "Ingress") and not anyone:
            yield from (each for each in reach.selected(mesh, policy) if each.workload)
    elif restricts(policy.body, "ingress") and not admits_probes(policy.body):
        yield from selected(mesh, policy)


def _is_anyone(each: NetworkPolicyIngressRule) -> bool:
    everywhere = any(peer.ip_block and peer.ip_block.cidr == "0.0.0.0/0" for peer in each.from_)
    return not each.from_ or everywhere


def _has_probes(pods: reach.Pods) -> bool:
    own = pods.workload.pod.containers if pods.workload else ()
    return any(_is_http(probe) for each in own for probe in (each.liveness_probe, each.readiness_probe, each.startup_probe))


def _is_http(probe: dict[str, Any] | None) -> bool:
    return bool(probe) and not (probe or {}).get("exec")
