"""Whether NetworkPolicies let the connections of a call through: they see proxies' ports, and never what those carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from ambimigrate.topology.workloads import Workload, in_namespace
from ambimigrate.verify.values import ANY, GATEWAY, OUTSIDE, WORKLOAD, Caller

HBONE = 15008  # ztunnel, src/config.rs: where mesh traffic arrives in enrolled pods and waypoints
CUT = "NetworkPolicy"
_NAME = "kubernetes.io/metadata.name"
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


class Way(Struct, frozen=True):
    """A call on the network: the caller with its data plane, the waypoint that it crosses, and the pod's port."""

    caller: Caller
    mode: str
    waypoint: Resource[Gateway] | None
    workload: Workload
    port: int


def is_cut(mesh: Mesh, way: Way) -> bool:
    """Whether a connection of the way is refused; callers of which policies tell the account only are not looked at."""
    network = mesh.index(_network)
    if not network:
        return False
    gateway = way.waypoint
    known = mesh.index(_known)
    key = (way.caller, way.mode, gateway and (gateway.namespace, gateway.name), id(way.workload), way.port)
    if key not in known:
        known[key] = not all(_admits(network, each) for each in _connections(mesh, way))
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


def _connections(mesh: Mesh, way: Way) -> Iterator[tuple[Connection, ...]]:
    """The connections one after the other, each in the forms that it may have."""
    start, end = _caller(mesh, way.caller), _pod(way.workload)
    is_ambient = injection.workload_mode(mesh, way.workload) == injection.AMBIENT
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
    """Its pods: istiod copies the Gateway's labels, or those of `infrastructure`, and adds its name."""
    more = gateway.body.spec.infrastructure
    labels = {**gateway.body.metadata.labels, **(more.labels if more else {}), _GATEWAY_NAME: gateway.name}
    return End(gateway.namespace, labels, "10.244.0.2")
