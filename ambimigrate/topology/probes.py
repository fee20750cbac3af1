"""The kubelet's probes of enrolled pods on Cilium: which address they have, who is probed, and which policies admit them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.kinds import CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, ConfigMap, NetworkPolicy
from ambimigrate.kinds.cni import CiliumPolicy
from ambimigrate.kinds.core import NetworkPolicyIngressRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.workloads import Workload

# Istio, cni/pkg/iptables: the probes of enrolled pods are re-sourced to these; Cilium does not take them for the node.
V4, V6 = "169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"
BLOCKS = (f"{V4}/32", f"{V6}/128")
_WIDER = (V4, "169.254.", "0.0.0.0/")


def runs_cilium(mesh: Mesh) -> bool:
    """Whether the input shows Cilium: its configuration, or policies of it."""
    return bool(
        mesh.target.platform == "cilium"
        or mesh.of(CiliumNetworkPolicy)
        or mesh.of(CiliumClusterwideNetworkPolicy)
        or any(each.name == "cilium-config" for each in mesh.of(ConfigMap))
    )


def are_admitted(mesh: Mesh) -> bool:
    """Whether a policy for the whole cluster admits the probes' address."""
    return mesh.index(_are_admitted)


def _are_admitted(mesh: Mesh) -> bool:
    return any(admits(each) for each in mesh.of(CiliumClusterwideNetworkPolicy))


def is_probed(workload: Workload) -> bool:
    """Whether the kubelet calls the pods: a command in a container is no call."""
    return any(
        bool(probe) and not (probe or {}).get("exec")
        for each in workload.pod.containers
        for probe in (each.liveness_probe, each.readiness_probe, each.startup_probe)
    )


def admits(policy: Resource[Any]) -> bool:
    """Whether a rule of the policy for incoming traffic admits the address of the probes."""
    if isinstance(policy.body, NetworkPolicy):
        return any(map(_is_anyone, policy.body.spec.ingress))
    return isinstance(policy.body, CiliumPolicy) and any(map(_is_open, _items(policy.body)))


def _is_anyone(each: NetworkPolicyIngressRule) -> bool:
    named = any(peer.ip_block and peer.ip_block.cidr in {"0.0.0.0/0", f"{V4}/32"} for peer in each.from_)
    return not each.from_ or named


def _items(policy: CiliumPolicy) -> Iterator[dict[str, Any]]:
    for rule in (policy.spec, *policy.specs):
        yield from (rule.ingress if rule else None) or ()


def _is_open(item: dict[str, Any]) -> bool:
    blocks = [str(each) for each in _listed(item.get("fromCIDR"))]
    blocks += [str(each.get("cidr")) for each in _listed(item.get("fromCIDRSet")) if isinstance(each, dict)]
    entities = _listed(item.get("fromEntities"))
    return "all" in entities or "world" in entities or any(each.startswith(_WIDER) for each in blocks)


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()
