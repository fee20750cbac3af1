"""WL002: annotations that keep traffic out of a sidecar do not keep it out of ztunnel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, listed, subject
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.semantics.strict import demands_identity
from ambimigrate.topology.outsiders import PREFIX, excluded
from ambimigrate.topology.workloads import KINDS, Workload

_OUTBOUND = ("excludeOutboundPorts", "excludeOutboundIPRanges", "includeOutboundPorts", "includeOutboundIPRanges")
_VIRTUAL = "kubevirtInterfaces"


@rule("WL002", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    for key, value in workload.annotations.items():
        name = key.removeprefix(PREFIX)
        if name == key or not value or value == "*":
            continue
        place = at(workload, "metadata", "annotations", key)
        if "Inbound" in name:
            said, case = _inbound(mesh, workload, name, value)
            yield Hit(place, said, case)
        elif name in _OUTBOUND or name == "excludeInterfaces":
            yield Hit(
                place,
                f"{name} {value} is ignored: ztunnel captures these connections of {workload}, gives those to pods of the mesh "
                "mTLS and an identity, and passes others through",
                "outbound",
            )
        elif name == _VIRTUAL:
            yield Hit(place, f"{name} of {workload} is read under another name in ambient mode", "virtual")


def _inbound(mesh: Mesh, workload: Workload, name: str, value: str) -> tuple[str, str]:
    refused = [port for port in excluded(workload, name, value) if demands_identity(mesh, workload, port)]
    if refused:
        shown = listed(map(str, refused))
        return (
            f"{name} {value} is ignored: port {shown} of {workload} is captured, and STRICT refuses callers without mTLS",
            "refused",
        )
    return f"{name} {value} is ignored: what reaches these ports of {workload} passes ztunnel and its policies", "inbound"
