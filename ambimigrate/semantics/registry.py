"""What stands behind a host of the registry: its ports, its addresses, and the endpoints behind a port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ambimigrate.kinds import Service, ServiceEntry, WorkloadEntry
from ambimigrate.kinds.core import ServiceSpec
from ambimigrate.kinds.networking import ServiceEntrySpec
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, protocols
from ambimigrate.topology.workloads import matches, selected, target_port

_HTTP = frozenset({"", "HTTP", "HTTP2", "GRPC", "GRPC-WEB"})  # of a ServiceEntry; "": by looking at the traffic
EXPORT_TO = "networking.istio.io/exportTo"


class Entry(Struct, frozen=True, eq=False):
    """A host that proxies know, a Service's or a ServiceEntry's."""

    host: str
    owner: Resource[Service] | Resource[ServiceEntry]
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    export_to: tuple[str, ...]

    @property
    def namespace(self) -> str:
        return self.owner.namespace


def entries(mesh: Mesh) -> Mapping[str, Entry]:
    """All hosts of the registry; where a Service and a ServiceEntry share one, the Service's."""
    return mesh.index(_entries)


def _entries(mesh: Mesh) -> Mapping[str, Entry]:
    found = {entry.host: entry for entry in _of_service_entries(mesh)}
    return found | {entry.host: entry for service in mesh.of(Service) for entry in (_of_service(service),)}


def _of_service(service: Resource[Service]) -> Entry:
    spec = service.body.spec
    ports = tuple(each.port for each in spec.ports if each.protocol == "TCP")
    addresses = tuple(each for each in spec.cluster_ips or (spec.cluster_ip,) if each not in {"", "None"})
    listed = service.body.metadata.annotations.get(EXPORT_TO, "")
    export_to = tuple(part.strip() for part in listed.split(",") if part.strip())
    return Entry(hosts.host_of(service), service, ports, addresses, export_to)


def _of_service_entries(mesh: Mesh) -> Iterator[Entry]:
    for entry in mesh.of(ServiceEntry):
        spec = entry.body.spec
        for host in spec.hosts:
            yield Entry(host, entry, tuple(each.number for each in spec.ports), spec.addresses, spec.export_to)


def carries_http(entry: Entry, number: int) -> bool:
    """Whether requests to the port are routed as HTTP: it says so, or says nothing that Istio knows."""
    body = entry.owner.body
    if isinstance(body, Service):
        return any(protocols.carries_http(each) for each in body.spec.ports if each.port == number)
    return any(each.protocol.upper() in _HTTP for each in body.spec.ports if each.number == number)


def only_port(mesh: Mesh, host: str) -> int | None:
    """The port of a host that has no other."""
    found = entries(mesh).get(host)
    return found.ports[0] if found and len(found.ports) == 1 else None


def by_address(mesh: Mesh, address: str) -> Entry | None:
    """The entry of a full name or of an address that clients dial."""
    known = entries(mesh)
    return known.get(address) or mesh.index(_by_address).get(address)


def _by_address(mesh: Mesh) -> Mapping[str, Entry]:
    return {address: entry for entry in entries(mesh).values() for address in entry.addresses}


def endpoints(mesh: Mesh, entry: Entry, port: int, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The endpoints behind a port whose labels match: pods as namespace/name:targetPort, others as address:port."""
    body = entry.owner.body
    if isinstance(body, Service):
        found = _of_service_pods(mesh, entry, body.spec, port, labels)
    else:
        found = _of_entry(mesh, entry, body.spec, port, labels)
    return tuple(sorted(set(found)))


def _of_service_pods(mesh: Mesh, entry: Entry, spec: ServiceSpec, number: int, labels: Mapping[str, str]) -> Iterator[str]:
    port = next(each for each in spec.ports if each.port == number)
    for workload in selected(mesh, entry.namespace, spec.selector) if spec.selector else ():
        target = target_port(port, workload)
        if target is not None and matches(labels, workload.labels):
            yield f"{workload.namespace}/{workload.name}:{target}"
    if spec.selector:
        target = port.target_port if isinstance(port.target_port, int) else port.port
        yield from _machines(mesh, entry.namespace, spec.selector, labels, (port.name, target))


def _of_entry(mesh: Mesh, entry: Entry, spec: ServiceEntrySpec, number: int, labels: Mapping[str, str]) -> Iterator[str]:
    port = next(each for each in spec.ports if each.number == number)
    target = port.target_port or port.number
    selector = spec.workload_selector
    if selector and selector.labels:
        for workload in selected(mesh, entry.namespace, selector.labels):
            if matches(labels, workload.labels):
                yield f"{workload.namespace}/{workload.name}:{target}"
        yield from _machines(mesh, entry.namespace, selector.labels, labels, (port.name, target))
    elif spec.endpoints:
        for each in spec.endpoints:
            if matches(labels, each.labels):
                yield f"{each.address}:{each.ports.get(port.name, target)}"
    elif not labels:
        yield f"{entry.host}:{target}"


def _machines(
    mesh: Mesh, namespace: str, selector: Mapping[str, str], labels: Mapping[str, str], port: tuple[str, int]
) -> Iterator[str]:
    """The WorkloadEntries that a selector means."""
    name, target = port
    for machine in mesh.of(WorkloadEntry):
        own = {**machine.body.metadata.labels, **machine.body.spec.labels}
        if machine.namespace == namespace and matches(selector, own) and matches(labels, own):
            yield f"{machine.body.spec.address}:{machine.body.spec.ports.get(name, target)}"
