"""Pods that are still, or already, something else than the labels of their namespace say."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload, in_namespace, workloads
from ambimigrate.yamlio.trees import edited

SIDECAR, BARE = "sidecar", "bare"  # not yet restarted; no longer captured and without a sidecar (pitfalls.md RB01)


def running(before: Mesh, mesh: Mesh, pods: str, namespaces: frozenset[str]) -> Mesh:
    """The mesh while pods of these namespaces run as they were: with their sidecars, or with no proxy at all.

    A pod keeps its sidecar until it is replaced; istio-cni lets go of an enrolled pod as soon as the ambient label is gone.
    """
    had = before.index(_with_sidecars)
    members = [each for name in sorted(namespaces) for each in in_namespace(mesh, name) if each.resource.ref in had]
    changed = {id(each.resource): _as(each, pods) for each in members}
    return replace(mesh, resources=tuple(changed.get(id(each), each) for each in mesh.resources), _memo={})


def _with_sidecars(mesh: Mesh) -> frozenset[Ref]:
    found = (each for each in workloads(mesh) if not injection.is_gateway(each))
    return frozenset(each.resource.ref for each in found if injection.workload_mode(mesh, each) == injection.SIDECAR)


def _as(workload: Workload, pods: str) -> Resource[Any]:
    place = (*workload.template, "metadata")
    edits: list[Edit] = []
    if pods == SIDECAR:
        edits.append(Set((*place, "annotations", injection.STATUS), "{}"))
    else:
        edits.append(Set((*place, "annotations", injection.INJECT), "false"))
        edits += [Delete((*place, "labels", injection.INJECT))] if injection.INJECT in workload.labels else []
    tree = msgspec.to_builtins(workload.resource.body)
    for edit in edits:
        tree = edited(tree, edit)
    return replace(workload.resource, body=msgspec.convert(tree, type(workload.resource.body)))
