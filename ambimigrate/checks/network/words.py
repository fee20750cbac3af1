"""The peers of a NetworkPolicy in a sentence."""

from __future__ import annotations

from ambimigrate.checks.pods import listed
from ambimigrate.kinds import LabelSelector
from ambimigrate.kinds.core import NetworkPolicyPeer
from ambimigrate.topology.networks import NAME


def described(found: tuple[NetworkPolicyPeer, ...]) -> str:
    """Peers in a sentence."""
    return listed(_described(each) for each in found) if found else "any caller"


def _described(peer: NetworkPolicyPeer) -> str:
    if peer.ip_block is not None:
        return peer.ip_block.cidr
    pod, space = _labels(peer.pod_selector), _labels(peer.namespace_selector)
    if peer.namespace_selector is None:
        return f"pods {pod}" if pod else "the own namespace"
    where = f"namespace {space.removeprefix(f'{NAME}=')}" if space else "all namespaces"
    return f"pods {pod} of {where}" if pod else where


def _labels(selector: LabelSelector | None) -> str:
    if selector is None:
        return ""
    found = [f"{key}={value}" for key, value in selector.match_labels.items()]
    found += [f"{each.key} {each.operator} {'|'.join(each.values)}".strip() for each in selector.match_expressions]
    return ",".join(found)
