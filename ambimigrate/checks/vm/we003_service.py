"""WE003: an entry inside the mesh whose endpoints are machines."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.checks.vm import machines
from ambimigrate.kinds import ServiceEntry, WorkloadEntry, WorkloadGroup
from ambimigrate.kinds.networking import WorkloadEntrySpec
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import matches, selected


@rule("WE003", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    if spec.location != machines.INTERNAL or not injection.is_meshed(mesh, entry.namespace):
        return
    inline = [each.address for each in spec.endpoints if _is_machine(each)]
    if inline:
        yield Hit(entry.at("spec", "endpoints"), _words(entry, listed(inline)))
    elif spec.workload_selector is not None and not selected(mesh, entry.namespace, spec.workload_selector.labels):
        found = listed(_selected(mesh, entry))
        if found:
            yield Hit(entry.at("spec", "workloadSelector"), _words(entry, found))


def _is_machine(endpoint: WorkloadEntrySpec) -> bool:
    proxy = endpoint.service_account or endpoint.labels.get(machines.TLS_MODE) == "istio"
    return bool(proxy) and endpoint.labels.get(machines.TUNNEL) != "http"


def _words(entry: Resource[ServiceEntry], found: str) -> str:
    host = entry.body.spec.hosts[0] if entry.body.spec.hosts else entry.name
    return f"fails open: {host} lies inside the mesh, but only machines answer ({found}): ambient pods call them in plaintext"


def _selected(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[str]:
    chosen = entry.body.spec.workload_selector
    wanted = chosen.labels if chosen else {}
    for each in mesh.of(WorkloadEntry):
        if each.namespace == entry.namespace and matches(wanted, each.body.spec.labels) and not machines.speaks_hbone(each):
            yield each.name
    for group in mesh.of(WorkloadGroup):
        labels = group.body.spec.metadata.labels if group.body.spec.metadata else {}
        if group.namespace == entry.namespace and matches(wanted, labels) and labels.get(machines.TUNNEL) != "http":
            yield f"group {group.name}"
