"""CT009: a quota or limit range that leaves no room for a waypoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.quantities import number
from ambimigrate.checks.replicas import replicas
from ambimigrate.kinds import LimitRange, ResourceQuota
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, waypoint_pods
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.waypoints import waypoints
from ambimigrate.topology.workloads import in_namespace

Asked = Mapping[str, Mapping[str, Any]]  # requests and limits
_NAMES = ("cpu", "memory")


@rule("CT009", ResourceQuota, LimitRange)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not injection.is_meshed(mesh, resource.namespace) or any(
        meshconfig.helm_settings(mesh, "global", "waypoint", "resources")
    ):
        return
    own = [each for each in waypoints(mesh) if each.namespace == resource.namespace]
    asked: list[Asked] = [waypoint_pods.resources(mesh, each) for each in own]
    asked = asked or [waypoint_pods.DEFAULT]
    case = "waypoint" if own else "planned"
    if isinstance(resource.body, LimitRange):
        for i, item in enumerate(resource.body.spec.limits):
            found = [key for key in _NAMES if number(item.max.get(key)) < _most(asked, "limits", key)]
            if found and item.type in {"Container", "Pod"}:
                most = f"{item.max[found[0]]} {found[0]}"
                said = f"{resource.name} allows at most {most} in {resource.namespace}: pods of a waypoint"
                yield Hit(resource.at("spec", "limits", i, "max"), f"{said} (limits {_shown(asked)}) are refused", case)
        return
    for key, value in resource.body.spec.hard.items():
        need = _need(key, asked)
        if need and _used(mesh, resource.namespace, key) + need > number(value):
            yield Hit(
                resource.at("spec", "hard", key),
                f"{resource.name} leaves no room in {resource.namespace} for a waypoint: {key} {value} is used by its "
                "workloads, and "
                "the pods of the waypoint are not created",
                case,
            )
            return


def _need(key: str, asked: Sequence[Asked]) -> float:
    """What one pod of a waypoint takes of the quota."""
    kind, _, name = key.rpartition(".")
    if key == "pods":
        return 1.0
    return _most(asked, kind or "requests", name) if name in _NAMES else 0.0


def _most(asked: Sequence[Asked], kind: str, name: str) -> float:
    """The most that a waypoint of the namespace asks for."""
    return max((number(each[kind].get(name)) for each in asked if kind in each), default=0.0)


def _shown(asked: Sequence[Asked]) -> str:
    first = asked[0]["limits"]
    return f"{first['cpu']} CPU, {first['memory']}"


def _used(mesh: Mesh, namespace: str, key: str) -> float:
    kind, _, name = key.rpartition(".")
    total = 0.0
    for workload in in_namespace(mesh, namespace):
        count = replicas(mesh, (workload,))
        each = 1.0 if key == "pods" else sum(_asked(one.resources, kind or "requests", name) for one in workload.pod.containers)
        total += count * each
    return total


def _asked(resources: Mapping[str, Any] | None, kind: str, name: str) -> float:
    found = dig(resources, (kind, name))
    return 0.0 if found is None else number(found)
