"""Which WorkloadEntries are machines with a proxy, and who leads traffic to them."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.kinds import Service, ServiceEntry, WorkloadEntry
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology.workloads import matches

TUNNEL = "networking.istio.io/tunnel"
TLS_MODE = "security.istio.io/tlsMode"
INTERNAL = "MESH_INTERNAL"


def speaks_hbone(entry: Resource[WorkloadEntry]) -> bool:
    """Whether ztunnel calls it by HBONE (Istio, ambient/workloads.go `setTunnelProtocol`)."""
    own = {**entry.body.metadata.labels, **entry.body.spec.labels}
    return own.get(TUNNEL) == "http"


def has_proxy(mesh: Mesh, entry: Resource[WorkloadEntry]) -> bool:
    """Whether sidecars call it by mTLS: it has an account or says so, or an entry inside the mesh leads to it."""
    spec = entry.body.spec
    if spec.service_account or spec.labels.get(TLS_MODE) == "istio":
        return True
    return any(isinstance(each.body, ServiceEntry) and each.body.spec.location == INTERNAL for each in users(mesh, entry))


def users(mesh: Mesh, entry: Resource[WorkloadEntry]) -> Iterator[Resource[ServiceEntry] | Resource[Service]]:
    """The ServiceEntries and Services that select it."""
    for each in mesh.within(ServiceEntry, entry.namespace):
        chosen = each.body.spec.workload_selector
        if chosen and matches(chosen.labels, entry.body.spec.labels):
            yield each
    for service in mesh.within(Service, entry.namespace):
        selector = service.body.spec.selector
        if selector and matches(selector, entry.body.spec.labels):
            yield service
