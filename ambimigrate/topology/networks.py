"""Who a NetworkPolicy selects and admits: pods that the input shows, and ports of which 15008 carries the mesh traffic."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from ambimigrate.kinds import Deployment, LabelSelector, NetworkPolicy
from ambimigrate.kinds.core import (
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import injection, selectors
from ambimigrate.topology.captured import captured
from ambimigrate.topology.reach import listed
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.waypoints import waypoints
from ambimigrate.topology.workloads import Workload, in_namespace, workloads

selects = selectors.selects

HBONE = 15008  # ztunnel, src/config.rs: where mesh traffic arrives in every enrolled pod and waypoint
APART = frozenset({53, 15010, 15012})  # of DNS and istiod: pods and proxies call these past the tunnel
NAME = "kubernetes.io/metadata.name"  # the API server gives it to every namespace
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_POD_NETWORK = 16  # a block this wide or wider may hold addresses of pods


class Pods(Struct, frozen=True, eq=False):
    """Pods that share labels: those of a workload, or of a waypoint that istiod makes from a Gateway."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    workload: Workload | None = None


def subjects(mesh: Mesh) -> Mapping[str, tuple[Pods, ...]]:
    """The pods that are or will be in ambient mode, and the waypoints, by namespace."""
    return mesh.index(_subjects)


def _subjects(mesh: Mesh) -> Mapping[str, tuple[Pods, ...]]:
    return grouped((each.namespace, each) for each in _all(mesh))


def _all(mesh: Mesh) -> Iterator[Pods]:
    for workload in workloads(mesh):
        if captured(mesh, workload):
            yield Pods(workload.namespace, str(workload), workload.labels, workload)
    for gateway in waypoints(mesh):
        yield waypoint_pods(gateway.namespace, gateway.name, copied_labels(gateway.body))


def waypoint_pods(namespace: str, name: str, labels: Mapping[str, str]) -> Pods:
    """The pods of a waypoint: istiod adds its name to the labels that it copies."""
    return Pods(namespace, f"waypoint {name}", {**labels, GATEWAY_NAME: name, "istio.io/gateway-name": name})


def selected(mesh: Mesh, policy: Resource[NetworkPolicy]) -> tuple[Pods, ...]:
    """The pods that a policy selects among those of ambient mode."""
    found = subjects(mesh).get(policy.namespace, ())
    return tuple(each for each in found if selects(policy.body.spec.pod_selector, each.labels))


def means_unseen(mesh: Mesh, policy: Resource[NetworkPolicy]) -> bool:
    """Whether it selects none of the workloads read, in a namespace of the mesh: its pods are not in the input."""
    if mesh.is_whole(Deployment, policy.namespace) or not injection.is_meshed(mesh, policy.namespace):
        return False
    own = in_namespace(mesh, policy.namespace)
    return not any(selects(policy.body.spec.pod_selector, each.labels) for each in own)


def restricts(policy: NetworkPolicy, direction: str) -> bool:
    """Whether it restricts a direction: as its `policyTypes` say, by default ingress, and egress if it has such rules."""
    spec = policy.spec
    if spec.policy_types:
        return direction in spec.policy_types
    return direction == "Ingress" or bool(spec.egress)


def policies_on(mesh: Mesh, pods: Pods, direction: str) -> Iterator[Resource[NetworkPolicy]]:
    """The policies that restrict the pods; what any of them admits is admitted."""
    for policy in mesh.index(_by_namespace).get(pods.namespace, ()):
        if restricts(policy.body, direction) and selects(policy.body.spec.pod_selector, pods.labels):
            yield policy


def within(mesh: Mesh, namespace: str) -> tuple[Resource[NetworkPolicy], ...]:
    """The policies of a namespace."""
    return mesh.index(_by_namespace).get(namespace, ())


def _by_namespace(mesh: Mesh) -> Mapping[str, tuple[Resource[NetworkPolicy], ...]]:
    return grouped((each.namespace, each) for each in mesh.of(NetworkPolicy))


def rules(policy: NetworkPolicy, direction: str) -> tuple[NetworkPolicyIngressRule | NetworkPolicyEgressRule, ...]:
    return policy.spec.ingress if direction == "Ingress" else policy.spec.egress


def admits(ports: tuple[NetworkPolicyPort, ...], number: int = HBONE) -> bool:
    """Whether a rule with these ports lets the TCP port through; no ports at all mean every port."""
    return not ports or any(_is(each, number) for each in ports)


def _is(port: NetworkPolicyPort, number: int) -> bool:
    if port.protocol != "TCP":
        return False
    if port.port is None:
        return True
    return isinstance(port.port, int) and port.port <= number <= (port.end_port or port.port)


def tcp(ports: tuple[NetworkPolicyPort, ...]) -> tuple[NetworkPolicyPort, ...]:
    return tuple(each for each in ports if each.protocol == "TCP")


def shown(ports: tuple[NetworkPolicyPort, ...]) -> str:
    """The TCP ports of a rule in a sentence."""
    return listed(f"{each.port}-{each.end_port}" if each.end_port else str(each.port) for each in tcp(ports))


def from_mesh(mesh: Mesh, peer: NetworkPolicyPeer, own: str) -> bool:
    """Whether a peer can be pods that speak to others of the mesh; a peer that the input does not show can."""
    if peer.ip_block is not None:
        return _is_wide(peer.ip_block.cidr)
    names = [own] if peer.namespace_selector is None else _namespaces(mesh, peer.namespace_selector)
    if not names:
        return not _names_system(mesh, peer.namespace_selector)
    return any(_speaks(mesh, name, peer.pod_selector) for name in names)


def _namespaces(mesh: Mesh, selector: LabelSelector) -> list[str]:
    return mesh.once(_chosen, selector, repr(selector))


def _chosen(mesh: Mesh, selector: LabelSelector) -> list[str]:
    said = selector.match_labels.get(NAME)
    names = injection.namespaces(mesh) if said is None else [said] if said in injection.namespaces(mesh) else []
    return [name for name in names if selects(selector, {NAME: name, **injection.labels(mesh, name)})]


def _names_system(mesh: Mesh, selector: LabelSelector | None) -> bool:
    name = selector.match_labels.get(NAME, "") if selector else ""
    return injection.is_system(mesh, name)


def _speaks(mesh: Mesh, namespace: str, selector: LabelSelector | None) -> bool:
    """Whether pods of the namespace are in the mesh; gateways speak HBONE to ambient pods as well."""
    own = [each for each in in_namespace(mesh, namespace) if selects(selector, each.labels)]
    if not own:
        return injection.is_meshed(mesh, namespace)
    return any(captured(mesh, each) or injection.is_gateway(each) for each in own)


@lru_cache(maxsize=4096)
def _is_wide(cidr: str) -> bool:
    try:
        block = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return block.prefixlen == 0 or (block.is_private and block.prefixlen <= _POD_NETWORK)


def covers(wider: tuple[NetworkPolicyPeer, ...], narrower: tuple[NetworkPolicyPeer, ...]) -> bool:
    """Whether whoever the second list admits is admitted by the first; no peers mean everybody."""
    if not wider:
        return True
    return bool(narrower) and all(any(_covers(each, peer) for each in wider) for peer in narrower)


def _covers(wider: NetworkPolicyPeer, peer: NetworkPolicyPeer) -> bool:
    if wider == peer:
        return True
    if wider.ip_block is not None or peer.ip_block is not None:
        return wider.ip_block is not None and wider.ip_block.cidr in {"0.0.0.0/0", "::/0"}
    everywhere = LabelSelector()
    if wider.namespace_selector not in (everywhere, peer.namespace_selector):
        return False
    return wider.pod_selector in (None, everywhere, peer.pod_selector)


def is_peer(mesh: Mesh, found: tuple[NetworkPolicyPeer, ...], pods: Pods, own: str) -> bool:
    """Whether the pods are among the peers of a rule of a policy in namespace `own`."""
    return not found or any(_is_peer(mesh, each, pods, own) for each in found)


def peers_of(mesh: Mesh, found: tuple[NetworkPolicyPeer, ...], own: str) -> Iterator[Pods]:
    """The pods in ambient mode that are among the peers of a rule of a policy in namespace `own`."""
    known = subjects(mesh)
    names = known if not found else dict.fromkeys(name for peer in found for name in _spaces(mesh, peer, own))
    for name in names:
        yield from (each for each in known.get(name, ()) if is_peer(mesh, found, each, own))


def _spaces(mesh: Mesh, peer: NetworkPolicyPeer, own: str) -> Iterable[str]:
    """The namespaces in which pods can be the peer."""
    if peer.ip_block is not None:
        return subjects(mesh)
    return [own] if peer.namespace_selector is None else _namespaces(mesh, peer.namespace_selector)


def _is_peer(mesh: Mesh, peer: NetworkPolicyPeer, pods: Pods, own: str) -> bool:
    if peer.ip_block is not None:
        return _is_wide(peer.ip_block.cidr)
    if peer.namespace_selector is None:
        return pods.namespace == own and selects(peer.pod_selector, pods.labels)
    labels = {NAME: pods.namespace, **injection.labels(mesh, pods.namespace)}
    return selects(peer.namespace_selector, labels) and selects(peer.pod_selector, pods.labels)
