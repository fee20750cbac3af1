"""Whether NetworkPolicies let the connections of a call through: they see proxies' ports, and never what those carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate.kinds import (
    Gateway,
    Namespace,
    NetworkPolicy,
)
from ambimigrate.kinds.cni import CALICO, CILIUM
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.cni import Networks
from ambimigrate.semantics.networks import Connection, End, Network
from ambimigrate.topology import injection
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.workloads import Workload, in_namespace, workloads
from ambimigrate.verify.values import ANY, GATEWAY, OUTSIDE, WORKLOAD, Caller

HBONE = 15008  # ztunnel, src/config.rs: where mesh traffic arrives in enrolled pods and waypoints
CUT = "NetworkPolicy"
PUBLIC = "203.0.113.9"  # stands for a host outside of the mesh: in no block but such as 0.0.0.0/0
_NAME = "kubernetes.io/metadata.name"
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


class Way(Struct, frozen=True):
    """A call on the network: the caller with its data plane, the waypoint that it crosses, and the pod's port.

    Without a workload it leaves the mesh for `address`, by the pod of an egress gateway (namespace/name:port) if `through`.
    """

    caller: Caller
    mode: str
    waypoint: Resource[Gateway] | None
    workload: Workload | None
    port: int
    address: str = ""
    through: str = ""


def is_cut(mesh: Mesh, way: Way) -> bool:
    """Whether a connection of the way is refused; callers of which policies tell the account only are not looked at."""
    network = mesh.index(_network)
    if not network:
        return False
    gateway = way.waypoint
    known = mesh.index(_known)
    to = id(way.workload) if way.workload else (way.address, way.through)
    key = (way.caller, way.mode, gateway and (gateway.namespace, gateway.name), to, way.port)
    if key not in known:
        made = _connections(mesh, way, way.workload) if way.workload else _leaving(mesh, network, way)
        known[key] = not all(_admits(network, each) for each in made)
    return known[key]


def _known(_mesh: Mesh) -> dict[Any, bool]:
    return {}


def _network(mesh: Mesh) -> Networks:
    spaces: dict[str, Mapping[str, str]] = {name: {_NAME: name} for name in injection.namespaces(mesh)}
    spaces |= {each.name: {**each.body.metadata.labels, _NAME: each.name} for each in mesh.of(Namespace)}
    ciliums: Iterator[Resource[Any]] = (each for kind in CILIUM for each in mesh.of(kind))
    rules = tuple((each.namespace, rule) for each in ciliums for rule in (each.body.spec, *each.body.specs) if rule)
    found: Iterator[Resource[Any]] = (each for kind in CALICO for each in mesh.of(kind))
    calicos = tuple((each.namespace, msgspec.to_builtins(each.body.spec)) for each in found)
    network = Network(tuple(mesh.of(NetworkPolicy)), spaces)
    return Networks(network, tuple((space, msgspec.to_builtins(rule)) for space, rule in rules), calicos, spaces)


def _admits(network: Networks, wanted: tuple[Connection, ...]) -> bool:
    return any(network.admits(each) for each in wanted)


def _connections(mesh: Mesh, way: Way, workload: Workload) -> Iterator[tuple[Connection, ...]]:
    """The connections one after the other, each in the forms that it may have."""
    start, end = _caller(mesh, way.caller), _pod(workload)
    is_ambient = injection.workload_mode(mesh, workload) == injection.AMBIENT
    if way.waypoint is not None:
        between = _waypoint(way.waypoint)
        if start is not None:
            yield (Connection(start, between, HBONE),)
        yield (Connection(between, end, HBONE if is_ambient else way.port),)
    elif start is not None:
        plain = Connection(start, end, way.port)
        tunnel = Connection(start, end, HBONE)
        if not is_ambient or way.mode == injection.NONE:
            yield (plain,)
        else:
            yield (tunnel,) if way.mode == injection.AMBIENT else (tunnel, plain)  # sidecars and gateways: by their settings


def _leaving(mesh: Mesh, network: Networks, way: Way) -> Iterator[tuple[Connection, ...]]:
    """The connections to the outside; rules of Cilium and Calico name hosts there, which are not evaluated."""
    if network.cilium or network.calico:
        return
    last = _caller(mesh, way.caller)
    if way.waypoint is not None:
        between = _waypoint(way.waypoint)
        if last is not None:
            yield (Connection(last, between, HBONE),)
        last = between
    name, _, port = way.through.rpartition(":")
    gateway = next((each for each in workloads(mesh) if name == f"{each.namespace}/{each.name}"), None) if name else None
    if gateway is not None:
        if last is not None:
            yield (Connection(last, _pod(gateway), int(port)),)
        last = _pod(gateway)
    if last is not None:
        yield tuple(Connection(last, End(address=each), way.port) for each in _addresses(network, way.address))


def _addresses(network: Networks, host: str) -> tuple[str, ...]:
    """The address, or those that a name may have: one that no rule names, and a public one of each block that rules name."""
    try:
        return (str(ip_address(host)),)
    except ValueError:
        return (PUBLIC, *(str(each[0]) for each in _blocks(network) if each[0].is_global))


def _blocks(network: Networks) -> Iterator[IPv4Network | IPv6Network]:
    rules = (rule for policy in network.kubernetes.policies for rule in policy.body.spec.egress)
    for cidr in dict.fromkeys(peer.ip_block.cidr for rule in rules for peer in rule.to if peer.ip_block):
        with suppress(ValueError):
            yield ip_network(cidr, strict=False)


def _caller(mesh: Mesh, caller: Caller) -> End | None:
    if caller.kind == OUTSIDE:
        return End(address=caller.ip)
    if caller.kind not in {WORKLOAD, GATEWAY}:
        return End(caller.namespace, {}, caller.ip) if caller.account == ANY else None
    found = next((each for each in in_namespace(mesh, caller.namespace) if each.name == caller.workload), None)
    return _pod(found, caller.ip) if found is not None else None


def _pod(workload: Workload, address: str = "10.244.0.1") -> End:
    ports = {port.name: port.container_port for each in workload.pod.containers for port in each.ports if port.name}
    return End(workload.namespace, workload.labels, address, ports, workload.pod.host_network)


def _waypoint(gateway: Resource[Gateway]) -> End:
    """Its pods: istiod adds its name to the labels that it copies."""
    return End(gateway.namespace, {**copied_labels(gateway.body), _GATEWAY_NAME: gateway.name}, "10.244.0.2")
