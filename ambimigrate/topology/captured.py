"""Which pods ztunnel serves now, or will once their namespace is ambient."""

from __future__ import annotations

from ambimigrate.model import Mesh
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload


def captured(mesh: Mesh, workload: Workload) -> bool:
    """Whether ztunnel serves the pods now, or will once their namespace is ambient: in the mesh and not opted out."""
    return mesh.once(_captured, workload)


def _captured(mesh: Mesh, workload: Workload) -> bool:
    return injection.is_meshed(mesh, workload.namespace) and _is_open(workload)


def _is_open(workload: Workload) -> bool:
    if workload.pod.host_network or injection.is_gateway(workload):
        return False
    return workload.labels.get(injection.MODE) != "none"
