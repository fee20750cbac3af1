"""Which pods ztunnel serves now, or will once their namespace is ambient."""

from __future__ import annotations

from ambimigrate.model import Mesh
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload, workloads


def captured(mesh: Mesh, workload: Workload) -> bool:
    """Whether ztunnel serves the pods now, or will once their namespace is ambient: in the mesh and not opted out."""
    return id(workload) in mesh.index(_captured)


def _captured(mesh: Mesh) -> frozenset[int]:
    meshed = {each for each in injection.namespaces(mesh) if injection.is_meshed(mesh, each)}
    return frozenset(id(each) for each in workloads(mesh) if each.namespace in meshed and _is_open(each))


def _is_open(workload: Workload) -> bool:
    if workload.pod.host_network or injection.is_gateway(workload):
        return False
    return workload.labels.get(injection.MODE) != "none"
