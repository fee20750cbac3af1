"""NS002: a pod template asks for a sidecar by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, space, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS, Workload


@rule("NS002", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    found = _asks(workload) if workload else None
    if workload is None or found is None:
        return
    field, key = found
    labels = injection.labels(mesh, workload.namespace)
    is_left = labels.get(injection.MODE) == injection.AMBIENT and not injection.injects(mesh, workload.namespace)
    when = "although" if is_left else "even when"
    yield Hit(
        at(workload, "metadata", field, key),
        f"the template of {workload} asks for a sidecar itself ({key}): its pods get one {when} {space(workload)} is ambient",
        "left" if is_left else "default",
    )


def _asks(workload: Workload) -> tuple[str, str] | None:
    if workload.labels.get(injection.INJECT) == "true":
        return "labels", injection.INJECT
    if workload.labels.get(injection.REVISION) and injection.INJECT not in workload.labels:
        return "labels", injection.REVISION
    if workload.annotations.get(injection.INJECT) == "true" and injection.INJECT not in workload.labels:
        return "annotations", injection.INJECT
    return None
