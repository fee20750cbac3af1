"""NS001: a namespace or pod is labelled for ambient mode while it is still injected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at
from ambimigrate.kinds import Namespace
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS, of_resource


@rule("NS001", Namespace, *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, Namespace):
        yield from _of_namespace(resource)
        return
    workload = of_resource(mesh, resource)
    if workload is None or workload.labels.get(injection.MODE) != injection.AMBIENT or injection.is_gateway(workload):
        return
    if injection.workload_mode(mesh, workload) == injection.SIDECAR:
        yield Hit(
            at(workload, "metadata", "labels", injection.MODE),
            f"{workload} is labelled ambient and still injected: the sidecar wins, its pods only look migrated",
            "pod",
        )


def _of_namespace(namespace: Resource[Namespace]) -> Iterator[Hit]:
    labels = namespace.body.metadata.labels
    if labels.get(injection.MODE) != injection.AMBIENT:
        return
    key = injection.INJECTION if labels.get(injection.INJECTION) == "enabled" else injection.REVISION
    if key == injection.INJECTION or (labels.get(key) and injection.INJECTION not in labels):
        yield Hit(
            namespace.at("metadata", "labels", key),
            f"{namespace.name} carries both {key} and {injection.MODE}=ambient: its pods get a sidecar, which wins over "
            "ztunnel",
            "namespace" if key == injection.INJECTION else "revision",
        )
