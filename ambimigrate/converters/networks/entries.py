"""The ports that NetworkPolicies let through to pods, as numbers, and which callers they admit to the tunnel."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from ambimigrate.converters import optouts
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.kinds.core import NetworkPolicyPeer, NetworkPolicyPort
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection, networks
from ambimigrate.topology.networks import HBONE, Pods

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


def entering(mesh: Mesh, pods: Pods) -> tuple[Entry, ...] | None:
    """The rules under which others may call the pods, None if no policy restricts that."""
    bound = list(networks.policies_on(mesh, pods, "Ingress"))
    found = (each for policy in bound for each in _incoming(mesh, policy, pods))
    return tuple(found) if bound else None


def _incoming(mesh: Mesh, policy: Policy, pods: Pods) -> Iterator[Entry]:
    for number, rule in enumerate(policy.body.spec.ingress):
        if not rule.ports or networks.tcp(rule.ports):
            tunnel = networks.admits(rule.ports) or is_for_mesh(mesh, rule.from_, policy.namespace)
            yield Entry(policy, number, rule.from_, numbers(rule.ports, pods), tunnel)


def is_for_mesh(mesh: Mesh, peers: tuple[NetworkPolicyPeer, ...], own: str) -> bool:
    """Whether pods of the mesh can be among the callers: addresses count where they can be those of pods."""
    return not peers or any(
        _is_private(each.ip_block.cidr) if each.ip_block is not None else networks.from_mesh(mesh, each, own) for each in peers
    )


@lru_cache(maxsize=4096)
def _is_private(cidr: str) -> bool:
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


def outgoing(mesh: Mesh, policies: tuple[Policy, ...], callee: Pods) -> Ports:
    """The ports of the callee to which the policies let out, any of them being enough."""
    found: set[int] = set()
    for policy in policies:
        for rule in policy.body.spec.egress:
            if networks.is_peer(mesh, rule.to, callee, policy.namespace):
                ports = numbers(rule.ports, callee)
                if ports is None:
                    return None
                found |= ports
    return frozenset(found)
