"""How many pods a workload runs, as far as the input shows."""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.kinds import DaemonSet, Deployment, HorizontalPodAutoscaler, Rollout, StatefulSet
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology.workloads import Workload


def replicas(mesh: Mesh, members: Iterable[Workload]) -> int:
    """How many pods stand behind, at least as many as can be known; an object that is written several times counts once."""
    found: dict[tuple[str, str, str], int] = {}
    for each in members:
        name = each.resource.kind, each.namespace, each.name
        found[name] = max(found.get(name, 0), _replicas(mesh, each))
    return sum(found.values())


def _replicas(mesh: Mesh, workload: Workload) -> int:
    scaled = mesh.index(_scaled).get((workload.namespace, workload.resource.kind, workload.name), ())
    if scaled:
        spec = scaled[0].body.spec
        return max(spec.min_replicas or 1, 2 if (spec.max_replicas or 1) > 1 else 1)
    match workload.resource.body:
        case Deployment() | StatefulSet() | Rollout() as body:
            return 1 if body.spec.replicas is None else body.spec.replicas
        case DaemonSet():
            return 2
    return 1


def _scaled(mesh: Mesh) -> dict[tuple[str, str, str], tuple[Resource[HorizontalPodAutoscaler], ...]]:
    return grouped(
        ((each.namespace, each.body.spec.scale_target_ref.kind, each.body.spec.scale_target_ref.name), each)
        for each in mesh.of(HorizontalPodAutoscaler)
    )
