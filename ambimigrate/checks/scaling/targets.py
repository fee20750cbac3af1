"""The workloads that autoscalers scale."""

from __future__ import annotations

from typing import Any

from ambimigrate.kinds.scaling import ScaleTargetRef
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import injection
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import Workload, workloads


def target_of(scaler: Resource[Any]) -> ScaleTargetRef:
    spec = scaler.body.spec
    found: ScaleTargetRef = spec.target_ref if hasattr(spec, "target_ref") else spec.scale_target_ref
    return found


def workload_of(mesh: Mesh, scaler: Resource[Any]) -> Workload | None:
    """The workload that is scaled, None if it was not read."""
    ref = target_of(scaler)
    found = mesh.index(_by_name).get((scaler.namespace, ref.kind or "Deployment", ref.name), ())
    return found[0] if found else None


def _by_name(mesh: Mesh) -> dict[tuple[str, str, str], tuple[Workload, ...]]:
    return grouped(((each.namespace, each.resource.kind, each.name), each) for each in workloads(mesh))


def concerns(mesh: Mesh, scaler: Resource[Any]) -> bool:
    """Whether the pods that are scaled become ambient, as far as the input shows."""
    workload = workload_of(mesh, scaler)
    if workload is not None:
        return captured(mesh, workload)
    return injection.is_meshed(mesh, scaler.namespace) and "gateway" not in target_of(scaler).name  # gateways have no sidecar
