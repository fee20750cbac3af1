"""WL802: pods of a migrated namespace are taken out of the ambient mesh."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.gate.back.compare import Found, Pair, same_workload
from ambimigrate.model import Mesh
from ambimigrate.topology import callbacks, gatewaypods, injection
from ambimigrate.topology.workloads import Workload, in_namespace, services_of


def check(pair: Pair) -> Iterator[Found]:
    gateways = gatewaypods.members(pair.after)
    for workload in (each for space in sorted(pair.migrated) for each in in_namespace(pair.after, space)):
        if injection.is_gateway(workload) or id(workload) in gateways or not _is_out(workload):
            continue
        was = same_workload(pair.before, workload) if pair.before is not None else None
        if was is not None and pair.before is not None and not _was_in(pair.before, was):
            continue
        if was is None and _is_called_back(pair.after, workload):
            continue
        yield _found(workload, is_new=was is None)


def _found(workload: Workload, *, is_new: bool) -> Found:
    route = (*workload.template, "metadata", "labels", injection.MODE)
    space = workload.namespace
    said = f"{injection.MODE}=none keeps pods of {workload} out of migrated namespace {space}"
    if is_new:
        return Found(workload.resource, route, f"fails open: {said}: no policy and no mutual TLS for them", "new")
    return Found(workload.resource, route, f"fails open: {said}: policies and mutual TLS no longer hold for them", "left")


def _was_in(mesh: Mesh, workload: Workload) -> bool:
    """Whether ztunnel served it; or a sidecar, left over in a namespace that was ambient already."""
    mode = injection.workload_mode(mesh, workload)
    labels = injection.labels(mesh, workload.namespace)
    return mode == injection.AMBIENT or (mode == injection.SIDECAR and labels.get(injection.MODE) == injection.AMBIENT)


def _is_out(workload: Workload) -> bool:
    return workload.labels.get(injection.MODE) == "none" and not workload.pod.host_network


def _is_called_back(mesh: Mesh, workload: Workload) -> bool:
    """Whether the API server calls it, which has no identity of the mesh: such pods have to stay out."""
    called = mesh.index(_called)
    return any((each.namespace, each.name) in called for each in services_of(mesh, workload))


def _called(mesh: Mesh) -> frozenset[tuple[str, str]]:
    return frozenset((each.namespace, each.name) for _, each in callbacks.references(mesh))
