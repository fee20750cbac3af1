"""WL014: the address from which an application sees its callers changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject, texts
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import KINDS

MODE = "sidecar.istio.io/interceptionMode"
LOOPBACK = "127.0.0.6"  # from which a sidecar in mode REDIRECT calls the application


@rule("WL014", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = subject(mesh, resource)
    if workload is None:
        return
    if workload.annotations.get(MODE) == "TPROXY":
        yield Hit(
            at(workload, "metadata", "annotations", MODE),
            f"interceptionMode TPROXY is ignored: {workload} sees the caller's pod address without a waypoint, and the "
            "waypoint's "
            "address with one",
            "tproxy",
        )
    for route, text in texts(workload):
        if LOOPBACK in text:
            yield Hit(
                at(workload, *route),
                f"{workload} is told of {LOOPBACK}, from which only a sidecar calls; callers come from their own or the "
                "waypoint's "
                "address",
                "loopback",
            )
