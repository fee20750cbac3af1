"""PF017: what ztunnel and istio-cni reserve on every node, against what sidecars reserve and nodes have."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.platform import install, room
from ambimigrate.checks.quantities import number, shown
from ambimigrate.checks.replicas import replicas
from ambimigrate.kinds import HelmValues, IstioOperator, Node, SailIstio
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import workloads

# Istio 1.31, manifests/charts: global.proxy of istiod, ztunnel, istio-cni
_SIDECAR = {"cpu": "100m", "memory": "128Mi"}
_DEFAULTS = {"ztunnel": {"cpu": "200m", "memory": "512Mi"}, "cni": {"cpu": "100m", "memory": "100Mi"}}
_PROXY = ("global", "proxy", "resources", "requests")
_SHARE = 0.1  # of a node, from which on it is worth saying


@rule("PF017", Node, HelmValues, IstioOperator, SailIstio)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Node):
        yield from _of_node(resource, mesh)
        return
    requests = install.value(resource, *_PROXY)
    own = {key: number(dig(requests, (key,))) for key in _SIDECAR}
    small = [key for key, default in _SIDECAR.items() if own[key] < number(default)]
    if small:
        needed = max(ceil(_reserved(mesh, key) / own[key]) if own[key] else inf for key in small)
        said = ", ".join(shown(key, own[key]) for key in small)
        yield Hit(
            install.at(resource, *_PROXY),
            f"sidecars reserve only {said} here, ztunnel and istio-cni {_told(mesh)} on every node: with fewer than {needed}"
            " injected pods a node that is more than today",
            "trimmed",
        )


def _of_node(node: Resource[Node], mesh: Mesh) -> Iterator[Hit]:
    """Said once: at the node with the least memory, and at the first one that is full."""
    nodes, full = mesh.of(Node), mesh.index(_full)
    if full and node.name == full[0]:
        left = ", ".join(shown(key, max(0, room.free(mesh)[node.name][key])) for key in _SIDECAR)
        where = "there" if len(full) == 1 else f"there and on {len(full) - 1} more"
        said = f"pods leave {left} of {node.name}, ztunnel and istio-cni ask for {_told(mesh)}: they stay Pending {where}"
        yield Hit(node.at("status", "allocatable"), said, "full")
    if node is not mesh.index(_smallest):
        return
    place = node.at("status", "allocatable")
    if any(_reserved(mesh, key) > _SHARE * _has(node, key) for key in _SIDECAR):
        said = ", ".join(shown(key, _has(node, key)) for key in _SIDECAR if _has(node, key) < inf)
        yield Hit(place, f"ztunnel and istio-cni reserve {_told(mesh)} of {said} on {node.name}, beside the sidecars", "tight")
    pods = mesh.index(_injected)
    if pods and pods < len(nodes) * _reserved(mesh, "cpu") / number(_SIDECAR["cpu"]):
        yield Hit(
            place,
            f"{pods} injected pods on {len(nodes)} nodes: ztunnel and istio-cni reserve {_told(mesh)} on each node, together"
            " more than the sidecars",
            "few",
        )


def _smallest(mesh: Mesh) -> Resource[Node]:
    return min(mesh.of(Node), key=lambda each: (_has(each, "memory"), _has(each, "cpu"), each.name))


def _full(mesh: Mesh) -> tuple[str, ...]:
    left = room.free(mesh)
    return tuple(sorted(name for name in left if any(left[name][key] < _reserved(mesh, key) for key in _SIDECAR)))


def _has(node: Resource[Node], key: str) -> float:
    return number(node.body.status.allocatable.get(key))


def _told(mesh: Mesh) -> str:
    return " and ".join(shown(key, _reserved(mesh, key)) for key in _SIDECAR)


def _reserved(mesh: Mesh, key: str) -> float:
    """What the agents of a node reserve, by the Helm values if these say so."""
    return mesh.index(_all_reserved)[key]


def _all_reserved(mesh: Mesh) -> dict[str, float]:
    return {key: sum(_of_agent(mesh, agent, key) for agent in _DEFAULTS) for key in _SIDECAR}


def _of_agent(mesh: Mesh, agent: str, key: str) -> float:
    said = (number(each.value) for each in meshconfig.helm_settings(mesh, agent, "resources", "requests", key))
    return next((each for each in said if each < inf), number(_DEFAULTS[agent][key]))


def _injected(mesh: Mesh) -> int:
    found = (each for each in workloads(mesh) if injection.workload_mode(mesh, each) == injection.SIDECAR)
    return replicas(mesh, (each for each in found if not injection.is_gateway(each)))
