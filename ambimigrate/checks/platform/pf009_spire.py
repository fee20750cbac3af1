"""PF009: workloads that get their identity from SPIRE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.workloads import KINDS, of_resource

_DRIVER = "csi.spiffe.io"


@rule("PF009", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or not injection.is_meshed(mesh, workload.namespace):
        return
    said = f"{workload} gets its identity from SPIRE, from which ztunnel cannot take it: peers that check it refuse its calls"
    if "spire" in workload.annotations.get(injection.TEMPLATES, ""):
        yield Hit(at(workload, "metadata", "annotations", injection.TEMPLATES), said)
        return
    for i, volume in enumerate(workload.pod.volumes):
        if dig(volume, ("csi", "driver")) == _DRIVER:
            yield Hit(at(workload, "spec", "volumes", i), said)
            return
