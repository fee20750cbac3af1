"""WL001: pods on the node's network are never captured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, space
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS, of_resource


@rule("WL001", *KINDS)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    workload = of_resource(mesh, resource)
    if workload is None or not workload.pod.host_network or injection.is_gateway(workload):
        return
    if not injection.is_meshed(mesh, workload.namespace):
        return
    place = at(workload, "spec", "hostNetwork")
    yield Hit(
        place,
        f"hostNetwork: {workload} is never captured: it has no identity, speaks and serves plaintext, and is refused by "
        "what demands an identity, unless that runs on its own node",
        "never",
    )
    if workload.labels.get(injection.MODE) != "none":
        yield Hit(
            place,
            f"hostNetwork: this release takes {workload} for a pod to enrol once {space(workload)} is ambient, which breaks "
            "the network of its node",
            "captured",
        )
