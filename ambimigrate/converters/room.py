"""How much a namespace lets the pods of a waypoint ask for: its LimitRanges and ResourceQuotas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.checks.replicas import replicas
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import LimitRange, ResourceQuota
from ambimigrate.model import Mesh
from ambimigrate.topology import meshconfig
from ambimigrate.topology.waypoint_pods import DEFAULT
from ambimigrate.topology.workloads import in_namespace

_UNITS = {"Ki": 1024.0, "Mi": 1024.0**2, "Gi": 1024.0**3, "Ti": 1024.0**4, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3}


class NoRoom(Refused):
    """The pods of a waypoint would be refused in the namespace (WP911)."""


def resources(mesh: Mesh, namespace: str) -> dict[str, dict[str, str]]:
    """What a waypoint's container asks for: the defaults, as far as the LimitRanges of the namespace admit them.

    Raises NoRoom where they admit less than a proxy needs.
    """
    found = {kind: dict(each) for kind, each in DEFAULT.items()}
    for bound, item in _bounds(mesh, namespace):
        for name, limit in item.items():
            kind = "limits" if bound == "max" else "requests"
            if name in found[kind] and _exceeds(bound, number(found[kind][name]), number(limit)):
                found[kind][name] = str(limit)
    for name, asked in found["requests"].items():
        if number(asked) > number(found["limits"][name]):
            reason = f"a LimitRange of {namespace} allows a container {found['limits'][name]} {name}; a waypoint needs {asked}"
            raise NoRoom("limits", ("metadata", "namespace"), reason)
    return found


def _bounds(mesh: Mesh, namespace: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for each in mesh.within(LimitRange, namespace):
        for item in each.body.spec.limits:
            if item.type in {"Container", "Pod"}:
                yield from (("max", item.max), ("min", item.min))


def _exceeds(bound: str, value: float, limit: float) -> bool:
    return value > limit if bound == "max" else value < limit


def check(mesh: Mesh, namespace: str, count: int) -> None:
    """Raises NoRoom if a quota has no room for so many pods and the one more of a rolling update."""
    asked = resources(mesh, namespace)
    for quota in mesh.within(ResourceQuota, namespace):
        for key, hard in quota.body.spec.hard.items():
            need = (count + 1) * _need(key, asked)
            if need and _used(mesh, namespace, key) + need > number(hard):
                reason = (
                    f"ResourceQuota {quota.name} has no room for {count} pods of a waypoint and a rolling update: {key} {hard}"
                )
                raise NoRoom("quota", ("metadata", "namespace"), reason)


def _need(key: str, asked: Mapping[str, Mapping[str, str]]) -> float:
    """What one pod takes of a quota."""
    kind, _, name = key.rpartition(".")
    if key == "pods":
        return 1.0
    return number(asked.get(kind or "requests", {}).get(name, "0"))


def _used(mesh: Mesh, namespace: str, key: str) -> float:
    kind, _, name = key.rpartition(".")
    total = 0.0
    for workload in in_namespace(mesh, namespace):
        route = (kind or "requests", name)
        asked = (meshconfig.dig(one.resources, route) for one in workload.pod.containers)
        each = 1.0 if key == "pods" else sum(number(one) for one in asked if one is not None)
        total += replicas(mesh, (workload,)) * each
    return total


def number(quantity: Any) -> float:
    """A quantity of Kubernetes; infinite if it cannot be read."""
    text, scale = str(quantity), 1.0
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            text, scale = text.removesuffix(unit), factor
            break
    try:
        return float(text) * scale
    except ValueError:
        return float("inf")
