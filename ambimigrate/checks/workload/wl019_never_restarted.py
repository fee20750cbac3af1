"""WL019: pods that nothing restarts keep their sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject
from ambimigrate.kinds import DaemonSet, Pod, StatefulSet
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WL019", StatefulSet, DaemonSet, Pod)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None or injection.workload_mode(mesh, workload) != injection.SIDECAR:
        return
    if isinstance(resource.body, Pod):
        metadata = resource.body.metadata
        if workload.pod.containers and not metadata.owner_references and "helm.sh/hook" not in metadata.annotations:
            yield Hit(
                at(workload, "spec"),
                f"{workload} has no owner: no restart replaces it, it keeps its sidecar until it is deleted",
                "bare",
            )
        return
    strategy = resource.body.spec.update_strategy or {}
    rolling = strategy.get("rollingUpdate")
    partition = rolling.get("partition") if isinstance(rolling, dict) else None
    if strategy.get("type") == "OnDelete":
        said = f"updateStrategy OnDelete: a restart of {workload} replaces no pod; each keeps its sidecar until it is deleted"
        yield Hit(resource.at("spec", "updateStrategy"), said, "on-delete")
    elif partition:
        said = f"partition {partition}: a restart of {workload} leaves the pods below it as they are, with their sidecar"
        yield Hit(resource.at("spec", "updateStrategy", "rollingUpdate", "partition"), said, "partition")
