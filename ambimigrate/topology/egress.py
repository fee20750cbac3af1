"""Which NetworkPolicies keep pods from calling whom they like outside of the cluster."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from ambimigrate.kinds import NetworkPolicy, Service
from ambimigrate.kinds.core import NetworkPolicyEgressRule, NetworkPolicyPeer
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import networks

ANYWHERE = {"0.0.0.0/0", "::/0"}


def closing(mesh: Mesh, namespace: str) -> Resource[NetworkPolicy] | None:
    """The NetworkPolicy by which no pod of the namespace reaches every address, None if they may."""
    own = of_workloads(mesh, namespace)
    if any(_is_open(rule) for each in own for rule in each.body.spec.egress):
        return None
    whole = (each for each in own if not each.body.spec.pod_selector.match_labels)
    return next((each for each in whole if not each.body.spec.pod_selector.match_expressions), None)


def of_workloads(mesh: Mesh, namespace: str) -> tuple[Resource[NetworkPolicy], ...]:
    """The policies that restrict where pods may call; those of waypoints let them out to their Services and entries."""
    every = mesh.index(_by_namespace).get(namespace, ())
    return tuple(each for each in every if networks.GATEWAY_NAME not in each.body.spec.pod_selector.match_labels)


def _by_namespace(mesh: Mesh) -> Mapping[str, tuple[Resource[NetworkPolicy], ...]]:
    return grouped((each.namespace, each) for each in mesh.of(NetworkPolicy) if _is_egress(each.body))


def _is_egress(policy: NetworkPolicy) -> bool:
    return "Egress" in policy.spec.policy_types or bool(policy.spec.egress and not policy.spec.policy_types)


def _is_open(rule: NetworkPolicyEgressRule) -> bool:
    """Whether a rule admits connections to every address of the internet."""
    if rule.ports and not networks.tcp(rule.ports):
        return False
    return not rule.to or any(peer.ip_block and peer.ip_block.cidr in ANYWHERE for peer in rule.to)


def lets_out(policies: Iterable[Resource[NetworkPolicy]], ports: frozenset[int]) -> bool | None:
    """Whether the policies let out to hosts outside on these ports, any being enough; None if to some hosts or ports only."""
    rules = [rule for each in policies for rule in each.body.spec.egress]
    wide = [{port for port in ports if networks.admits(rule.ports, port)} for rule in rules if _is_anywhere(rule)]
    if ports and any(each == ports for each in (*wide, set().union(*wide))):
        return True
    partly = any(wide) or any(_may_be_outside(peer) and _is_near(rule, ports) for rule in rules for peer in rule.to)
    return None if partly else False


def _is_near(rule: NetworkPolicyEgressRule, ports: frozenset[int]) -> bool:
    return any(networks.admits(rule.ports, port) for port in ports)


def _is_anywhere(rule: NetworkPolicyEgressRule) -> bool:
    """Whether a rule admits every host of the internet; private addresses may be left out."""
    return not rule.to or any(
        peer.ip_block and peer.ip_block.cidr in ANYWHERE and all(map(_is_private, peer.ip_block.except_)) for peer in rule.to
    )


def _may_be_outside(peer: NetworkPolicyPeer) -> bool:
    return peer.ip_block is not None and not _is_private(peer.ip_block.cidr)


def _is_private(cidr: str) -> bool:
    try:
        return ipaddress.ip_network(cidr, strict=False).is_private
    except ValueError:
        return False


def blocks(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses as blocks; what is no address is left out."""
    found = []
    for each in addresses:
        try:
            found.append(str(ipaddress.ip_network(each)))
        except ValueError:
            continue
    return tuple(found)


def everywhere(mesh: Mesh) -> tuple[str, ...]:
    """The blocks of all addresses that pods of the mesh may call."""
    has_v6 = any("IPv6" in each.body.spec.ip_families for each in mesh.of(Service))
    return ("0.0.0.0/0", "::/0") if has_v6 else ("0.0.0.0/0",)
