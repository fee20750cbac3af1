"""WL004: marks of injection in a template, on pods that have no sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS

_LABELS = {"security.istio.io/tlsMode": "istio", "networking.istio.io/tunnel": "http"}  # the injector's own labels


@rule("WL004", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None or any(each.name == "istio-proxy" for each in workload.pod.containers):
        return
    if injection.STATUS in workload.annotations:
        yield Hit(
            at(workload, "metadata", "annotations", injection.STATUS),
            f"{injection.STATUS} stands in the template of {workload}: istio-cni takes its pods for injected ones and never "
            "captures them, so they have neither sidecar nor ztunnel",
            "status",
        )
    for key, value in _LABELS.items():
        if workload.labels.get(key) == value:
            yield Hit(
                at(workload, "metadata", "labels", key),
                f"label {key} stands in the template of {workload}: peers believe that its pods have a sidecar and call them "
                "with a protocol that they do not speak",
                "labels",
            )
