"""WL014: the address from which an application sees its callers changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject, texts
from ambimigrate.kinds import ConfigMap
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS

MODE = "sidecar.istio.io/interceptionMode"
LOOPBACK = "127.0.0.6"  # from which a sidecar in mode REDIRECT calls the application
_ADDRESS = re.compile(rf"(?<![\d.]){re.escape(LOOPBACK)}(?!\.?\d)")


@rule("WL014", *KINDS, ConfigMap)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, ConfigMap):
        yield from _of_text(resource, mesh)
        return
    workload = subject(mesh, resource)
    if workload is None:
        return
    if workload.annotations.get(MODE) == "TPROXY":
        yield Hit(
            at(workload, "metadata", "annotations", MODE),
            f"interceptionMode TPROXY is ignored: {workload} sees the caller's pod address without a waypoint, and the "
            "waypoint's address with one",
            "tproxy",
        )
    for route, text in texts(workload):
        if _ADDRESS.search(text):
            yield Hit(
                at(workload, *route),
                f"{workload} is told of {LOOPBACK}, from which only a sidecar calls; callers come from their own or the "
                "waypoint's address",
                "loopback",
            )


def _of_text(config: Resource[ConfigMap], mesh: Mesh) -> Iterator[Hit]:
    if not injection.is_meshed(mesh, config.namespace):
        return
    for key, text in config.body.data.items():
        if _ADDRESS.search(text):
            said = (
                f"{key} names {LOOPBACK}, from which only a sidecar calls; callers come from their own address or a waypoint's"
            )
            yield Hit(config.at("data", key), said, "loopback")
