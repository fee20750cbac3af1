"""What NetworkPolicies let through: whether one end may open a connection to another on a port.

Written from the API reference of Kubernetes, networking.k8s.io/v1: a pod that no policy selects for a direction is open in
it; else at least one rule of one selecting policy must name the other end and the port. Both ends have to agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from msgspec import Struct, field

from ambimigrate.kinds import LabelSelector, NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyPeer, NetworkPolicyPort
from ambimigrate.kinds.shared import LabelSelectorRequirement
from ambimigrate.model import Resource

Namespaces = Mapping[str, Mapping[str, str]]  # labels by name; kubernetes.io/metadata.name among them


def labels_of(namespaces: Namespaces, name: str) -> Mapping[str, str]:
    """The labels of a namespace; of one that was not read the one that Kubernetes gives to all (1.22+, always)."""
    return namespaces.get(name, {"kubernetes.io/metadata.name": name})


class End(Struct, frozen=True):
    """One end of a connection: a pod, or what has an address only (no namespace).

    A pod on the host network has the address of its node: no policy binds it, and to others it is an address.
    """

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)  # TCP ports of the containers by name
    host_network: bool = False

    @property
    def is_pod(self) -> bool:
        """Whether selectors can mean it."""
        return bool(self.namespace) and not self.host_network


class Connection(Struct, frozen=True):
    """What one end wants of another; the port is the one at the callee."""

    caller: End
    callee: End
    port: int
    protocol: str = "TCP"


class Network(Struct, frozen=True):
    """The policies, and the labels of the namespaces."""

    policies: tuple[Resource[NetworkPolicy], ...]
    namespaces: Namespaces

    def admits(self, wanted: Connection) -> bool:
        """Whether the connection comes about."""
        return self._leaves(wanted) and self._enters(wanted)

    def isolates(self, end: End, direction: str) -> bool:
        """Whether a policy restricts the pod in a direction (ingress, egress)."""
        return any(_binds(each, end) and _is_about(each.body, direction.title()) for each in self.policies)

    def agrees(self, wanted: Connection, direction: str) -> bool:
        """Whether one end lets the connection through: the callee for ingress, the caller for egress."""
        return self._leaves(wanted) if direction == "egress" else self._enters(wanted)

    def _leaves(self, wanted: Connection) -> bool:
        found = [each for each in self.policies if _binds(each, wanted.caller) and _is_about(each.body, "Egress")]
        return not found or any(
            _is_peer(rule.to, policy.namespace, self.namespaces, wanted.callee) and _is_port(rule.ports, wanted)
            for policy in found
            for rule in policy.body.spec.egress
        )

    def _enters(self, wanted: Connection) -> bool:
        found = [each for each in self.policies if _binds(each, wanted.callee) and _is_about(each.body, "Ingress")]
        return not found or any(
            _is_peer(rule.from_, policy.namespace, self.namespaces, wanted.caller) and _is_port(rule.ports, wanted)
            for policy in found
            for rule in policy.body.spec.ingress
        )


def _binds(policy: Resource[NetworkPolicy], end: End) -> bool:
    return end.is_pod and policy.namespace == end.namespace and matches(policy.body.spec.pod_selector, end.labels)


def _is_about(policy: NetworkPolicy, direction: str) -> bool:
    """`policyTypes`; without it Ingress always, and Egress if the policy has such rules."""
    if policy.spec.policy_types:
        return direction in policy.spec.policy_types
    return direction == "Ingress" or bool(policy.spec.egress)


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether a selector means the labels; an empty one means everything."""
    plain = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return plain and all(_meets(each, labels) for each in selector.match_expressions)


def _meets(wanted: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(wanted.key)
    known: dict[str, bool] = {
        "In": value in wanted.values,
        "NotIn": value not in wanted.values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return known.get(wanted.operator, False)


def _is_peer(peers: tuple[NetworkPolicyPeer, ...], own: str, namespaces: Namespaces, end: End) -> bool:
    return not peers or any(_is_one(each, own, namespaces, end) for each in peers)


def _is_one(peer: NetworkPolicyPeer, own: str, namespaces: Namespaces, end: End) -> bool:
    if peer.ip_block is not None:
        return _is_in(end.address, peer.ip_block.cidr) and not any(_is_in(end.address, each) for each in peer.ip_block.except_)
    if not end.is_pod or (peer.pod_selector is None and peer.namespace_selector is None):
        return False
    if peer.namespace_selector is None:
        space = end.namespace == own
    else:
        space = matches(peer.namespace_selector, labels_of(namespaces, end.namespace))
    return space and (peer.pod_selector is None or matches(peer.pod_selector, end.labels))


def _is_in(address: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


def _is_port(ports: tuple[NetworkPolicyPort, ...], wanted: Connection) -> bool:
    return not ports or any(_is_number(each, wanted) for each in ports if each.protocol == wanted.protocol)


def _is_number(port: NetworkPolicyPort, wanted: Connection) -> bool:
    """Whether an entry means the port: any without one, else a number, a range, or what the name stands for at the callee."""
    if port.port is None:
        return True
    if isinstance(port.port, str):
        return wanted.callee.ports.get(port.port) == wanted.port
    return port.port <= wanted.port <= (port.end_port or port.port)
