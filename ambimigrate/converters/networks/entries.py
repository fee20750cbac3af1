"""The ports that NetworkPolicies let through to pods, as numbers, and which callers they admit to the tunnel."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from ambimigrate.converters import made, optouts
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import KINDS, NetworkPolicy, Service
from ambimigrate.kinds.core import NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection, networks, probes
from ambimigrate.topology.captured import captured
from ambimigrate.topology.networks import HBONE, Pods
from ambimigrate.topology.workloads import Workload, behind, workloads

Policy = Resource[NetworkPolicy]
Ports = frozenset[int] | None  # None: every TCP port
DNS = 53


class Entry(Struct, frozen=True):
    """A rule of a policy on pods: whom it admits (or lets out to) on which ports of the application.

    `tunnel`: mesh traffic may come under it, since it names 15008 or has to.
    """

    policy: Policy
    number: int
    peers: tuple[NetworkPolicyPeer, ...]
    ports: Ports
    tunnel: bool


def joining(mesh: Mesh, namespace: str, settings: Settings) -> tuple[Pods, ...]:
    """The pods of the namespace that ztunnel will serve and does not yet."""
    return tuple(each for each in networks.subjects(mesh).get(namespace, ()) if _joins(mesh, each, settings))


def _joins(mesh: Mesh, pods: Pods, settings: Settings) -> bool:
    own = pods.workload
    if own is None or injection.workload_mode(mesh, own) == injection.AMBIENT:
        return False
    return not optouts.stays_out(mesh, own, settings)


def fronted(mesh: Mesh, namespace: str, services: Iterable[Resource[Service]], settings: Settings) -> tuple[Pods, ...]:
    """The pods that join, and those behind these Services that stay out: a waypoint calls both."""
    own = joining(mesh, namespace, settings)
    known = {id(each.workload) for each in own}
    more = {id(each): each for service in services for each in behind(mesh, service) if not each.pod.host_network}
    out = [each for key, each in more.items() if key not in known and _stays(mesh, each)]
    return (*own, *(Pods(each.namespace, str(each), each.labels, each) for each in out))


def _stays(mesh: Mesh, workload: Workload) -> bool:
    return injection.workload_mode(mesh, workload) != injection.AMBIENT


def entering(mesh: Mesh, pods: Pods) -> tuple[Entry, ...] | None:
    """The rules under which others may call the pods, None if no policy restricts that: none binds pods on the host."""
    if pods.workload is not None and pods.workload.pod.host_network:
        return None
    bound = list(networks.policies_on(mesh, pods, "Ingress"))
    found = (each for policy in bound for each in _incoming(mesh, policy, pods))
    return tuple(found) if bound else None


def _incoming(mesh: Mesh, policy: Policy, pods: Pods) -> Iterator[Entry]:
    for number, rule in enumerate(policy.body.spec.ingress):
        if (not rule.ports or networks.tcp(rule.ports)) and not _is_for_probes(rule.from_):
            tunnel = networks.admits(rule.ports) or is_for_mesh(mesh, rule.from_, policy.namespace)
            yield Entry(policy, number, rule.from_, numbers(rule.ports, pods), tunnel)


def _is_for_probes(peers: tuple[NetworkPolicyPeer, ...]) -> bool:
    """Whether they are the kubelet's addresses alone, which no caller of the mesh has."""
    return bool(peers) and all(each.ip_block is not None and each.ip_block.cidr in probes.BLOCKS for each in peers)


def is_for_mesh(mesh: Mesh, peers: tuple[NetworkPolicyPeer, ...], own: str) -> bool:
    """Whether pods of the mesh can be among the callers: addresses count where they can be those of pods."""
    return not peers or any(
        is_private(each.ip_block.cidr) if each.ip_block is not None else networks.from_mesh(mesh, each, own) for each in peers
    )


@lru_cache(maxsize=4096)
def is_private(cidr: str) -> bool:
    """Whether addresses of pods can lie in the block."""
    try:
        block = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return block.prefixlen == 0 or not block.is_global


def numbers(ports: tuple[NetworkPolicyPort, ...], callee: Pods) -> Ports:
    """The TCP ports of the callee that a rule means; a name that it does not declare means none. 15008 itself is left out."""
    if not ports:
        return None
    found: set[int] = set()
    for each in networks.tcp(ports):
        if each.port is None:
            return None
        if isinstance(each.port, str):
            found |= named(callee, each.port)
        else:
            found |= set(range(max(each.port, 1), min(each.end_port or each.port, 65535) + 1))
    return None if len(found) >= 65535 else frozenset(found - {HBONE})


def named(callee: Pods, name: str) -> set[int]:
    """What the name stands for at the pods."""
    containers = callee.workload.pod.containers if callee.workload else ()
    found = (port for each in containers for port in each.ports if port.name == name and port.protocol in {"", "TCP"})
    return {port.container_port for port in found if port.container_port}


def leaving(mesh: Mesh, caller: Pods) -> tuple[Policy, ...]:
    """The policies that restrict where the pods may call."""
    return tuple(networks.policies_on(mesh, caller, "Egress"))


def opens(mesh: Mesh, policy: Policy, rule: NetworkPolicyEgressRule) -> bool:
    """Whether the rule has to let out to 15008 and does not: it is by port, and about pods of the mesh."""
    ports = networks.tcp(rule.ports)
    if not ports or networks.admits(rule.ports) or all(each.port in networks.APART for each in ports):
        return False
    return any(each.ip_block is None and networks.from_mesh(mesh, each, policy.namespace) for each in rule.to)


def outgoing(mesh: Mesh, policies: tuple[Policy, ...], callee: Pods) -> Ports:
    """The ports of the callee to which the policies let out by name, any of them being enough."""
    rules = ((policy.namespace, rule) for policy in policies for rule in policy.body.spec.egress)
    found = [numbers(rule.ports, callee) for own, rule in rules if _names(mesh, rule.to, callee, own)]
    return None if None in found else frozenset(port for each in found for port in each or ())


def _names(mesh: Mesh, peers: tuple[NetworkPolicyPeer, ...], callee: Pods, own: str) -> bool:
    """Whether the callee is among the peers whatever its address is."""
    named = tuple(each for each in peers if each.ip_block is None)
    if not peers or any(map(is_everywhere, peers)):
        return True
    on_host = callee.workload is not None and callee.workload.pod.host_network  # selectors never mean such pods
    return bool(named) and not on_host and networks.is_peer(mesh, named, callee, own)


def is_everywhere(peer: NetworkPolicyPeer) -> bool:
    """Whether a peer is every address."""
    return peer.ip_block is not None and peer.ip_block.cidr == "0.0.0.0/0" and not peer.ip_block.except_


def is_by_address(peer: NetworkPolicyPeer) -> bool:
    """Whether a peer is a block that may hold pods or not."""
    return peer.ip_block is not None and not is_everywhere(peer) and is_private(peer.ip_block.cidr)


def restricted(mesh: Mesh) -> list[tuple[tuple[Policy, ...], tuple[Workload, ...]]]:
    """All pods of the mesh whose calls are restricted, by the policies under which they stand."""
    found: dict[tuple[int, ...], tuple[tuple[Policy, ...], list[Workload]]] = {}
    for each in workloads(mesh):
        if captured(mesh, each) or injection.is_gateway(each):
            bound = leaving(mesh, Pods(each.namespace, str(each), each.labels, each))
            if bound:
                found.setdefault(tuple(map(id, bound)), (bound, []))[1].append(each)
    return [(bound, tuple(members)) for bound, members in found.values()]


def beside(policy: Policy, pods: Pods) -> Resource[Any]:
    """Where what a policy asks for pods is written: beside it, beside the pods if it is for the whole cluster."""
    if KINDS[policy.ref.group, policy.ref.kind].NAMESPACED or pods.workload is None:
        return policy
    return pods.workload.resource


def joined(policies: tuple[Policy, ...], namespace: str) -> str:
    """A name for what several policies ask for in a namespace, theirs in front where it is another one."""
    own = [made.written_name(each) for each in policies]
    return "-".join(own if policies[0].namespace == namespace else [policies[0].namespace, *own])
