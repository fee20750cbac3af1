"""WL003: a pod that was kept out of the mesh by its inject label is captured with its namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, space, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.semantics.strict import demands_identity
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS, Workload, container_ports


@rule("WL003", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None or injection.workload_mode(mesh, workload) == injection.SIDECAR:
        return
    field = "labels" if injection.INJECT in workload.labels else "annotations"
    if getattr(workload, field).get(injection.INJECT) != "false":
        return
    place = at(workload, "metadata", field, injection.INJECT)
    if injection.workload_mode(mesh, workload) == injection.AMBIENT:
        yield Hit(place, f"{injection.INJECT} says nothing to ambient mode: {workload} is captured already", "already")
        return
    yield Hit(
        place,
        f'{injection.INJECT}: "false" does not keep ztunnel away: {workload} is captured once {space(workload)} is ambient'
        + (", and STRICT then refuses its callers without mTLS" if _is_strict(mesh, workload) else ""),
    )


def _is_strict(mesh: Mesh, workload: Workload) -> bool:
    return any(demands_identity(mesh, workload, port) for port in container_ports(workload))
