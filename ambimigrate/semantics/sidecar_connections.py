"""What the sidecar of a client does with a connection that carries no HTTP, by the `tls` and `tcp` rules of VirtualServices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from ambimigrate.kinds.routes import Destination, RouteDestination, TCPMatch, TLSMatch
from ambimigrate.model import Mesh
from ambimigrate.semantics import direct, registry, visibility
from ambimigrate.semantics.connections import Connection, shared
from ambimigrate.semantics.decision import Client, Decision
from ambimigrate.semantics.destinations import Viewer, cluster
from ambimigrate.semantics.envoy import Cluster
from ambimigrate.semantics.registry import Entry
from ambimigrate.semantics.visibility import Seen
from ambimigrate.topology import hosts
from ambimigrate.topology.workloads import matches


def decide(mesh: Mesh, client: Client, connection: Connection) -> Decision:
    """The first rule that matches, of all VirtualServices of the dialled Service; else the Service itself."""
    entry = registry.by_address(mesh, connection.to)
    if entry is None or connection.port not in entry.ports:
        return direct.connect(mesh, connection)
    for seen in _in_order(mesh, client, entry, connection.port):
        for destinations in _matching(client, entry, connection, seen):
            return shared(_clusters(mesh, client, connection.port, seen.resource.namespace, destinations))
    return shared([(cluster(mesh, Viewer(client.namespace, client.labels), entry.host, connection.port, ""), 1)])


def _in_order(mesh: Mesh, client: Client, entry: Entry, port: int) -> tuple[Seen, ...]:
    """Those that name the host, else those of the longest wildcard that covers it."""
    found = visibility.virtual_services(mesh, client.namespace, entry.host)
    name = max(found, key=lambda each: (each == entry.host, len(each)), default="")
    listed = found.get(name, ())
    return tuple(each for each in listed if visibility.imports(mesh, client, port, each.resource.namespace, name))


def _matching(client: Client, entry: Entry, connection: Connection, seen: Seen) -> Iterator[tuple[RouteDestination, ...]]:
    """TLS rules come first; they are looked at where the client names a server."""
    for rule in seen.resource.body.spec.tls if connection.sni else ():
        if any(_names(each, connection.sni) and _meets(client, entry, connection, each) for each in rule.match):
            yield rule.route
    for tcp in seen.resource.body.spec.tcp:
        if any(_meets(client, entry, connection, each) for each in tcp.match or (TCPMatch(),)):
            yield tcp.route


def _names(match: TLSMatch, sni: str) -> bool:
    return any(hosts.covers(name, sni) for name in match.sni_hosts)


def _meets(client: Client, entry: Entry, connection: Connection, match: TLSMatch | TCPMatch) -> bool:
    if match.port and match.port != connection.port:
        return False
    if match.destination_subnets and not _lies_in(match.destination_subnets, (connection.to, *entry.addresses)):
        return False
    if match.gateways:
        return visibility.MESH in match.gateways
    return matches(match.source_labels, dict(client.labels)) and match.source_namespace in {"", client.namespace}


def _lies_in(subnets: Iterable[str], addresses: Iterable[str]) -> bool:
    """An address that is not in the input lies nowhere."""
    return any(_holds(subnet, address) for subnet in subnets for address in addresses)


def _holds(subnet: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(subnet, strict=False)
    except ValueError:
        return False


def _clusters(
    mesh: Mesh, client: Client, port: int, namespace: str, destinations: tuple[RouteDestination, ...]
) -> Iterator[tuple[Cluster, int]]:
    viewer = Viewer(client.namespace, client.labels)
    for each in destinations:
        found: Destination = each.destination
        host = hosts.full_name(found.host, namespace)
        yield cluster(mesh, viewer, host, found.port.number if found.port else port, found.subset or ""), each.weight or 0
