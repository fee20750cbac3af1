"""SE011: ports that are found by the name of a container port, which older releases get wrong."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.workloads import Workload, selected


@rule("SE011", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    if spec.workload_selector is None or not spec.workload_selector.labels or not concerns(mesh, entry):
        return
    for workload in selected(mesh, entry.namespace, spec.workload_selector.labels):
        for number, port in enumerate(spec.ports):
            meant = _named(workload, port.name)
            if port.target_port is None and meant not in {None, port.number}:
                yield Hit(
                    entry.at("spec", "ports", number),
                    f"ztunnel sends port {port.name} to {port.number} of {workload}, not to its container port {meant} of that"
                    " name",
                )


def _named(workload: Workload, name: str) -> int | None:
    ports = (port for container in workload.pod.containers for port in container.ports)
    return next((port.container_port for port in ports if name and port.name == name), None)
