"""ServiceEntries as parents of routes: a host of theirs stands as a Service with the same ports."""

from __future__ import annotations

from ambimigrate.converters import egress
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import Service, ServiceEntry, VirtualService
from ambimigrate.kinds.core import ServicePort, ServiceSpec
from ambimigrate.model import Mesh, Ref, Resource, Route
from ambimigrate.topology import hosts, reach, waypoints

_BY_NAME = frozenset({"STATIC", "DNS", "DNS_ROUND_ROBIN"})  # a waypoint knows or looks up the addresses
EXPORT = "defaultServiceExportTo"


def entry(mesh: Mesh, host: str, by: Resource[VirtualService], place: Route) -> Resource[ServiceEntry]:
    """The ServiceEntry whose waypoint follows routes for the host. Raises Refused.

    A route is for all hosts of its ServiceEntry, so there has to be but one.
    """
    namespace = by.namespace
    found = reach.once(hosts.service_entries(mesh, host, namespace))
    first = mesh.find(ServiceEntry, found[0].namespace, found[0].name, by.file) or found[0]
    spec = first.body.spec
    if len(found) > 1:
        raise Refused("entry", place, f"{reach.listed(each.name for each in found)} list {host}; one route is for one of them")
    if first.namespace != namespace:
        reason = f"ServiceEntry {first.name} is in namespace {first.namespace}; its waypoint reads no routes of {namespace}"
        raise Refused("consumer", place, reason)
    if not reach.is_exported(mesh, spec.export_to, first.namespace, "*", EXPORT):
        raise Refused("entry", place, f"only some namespaces see ServiceEntry {first.name}")
    if spec.resolution not in _BY_NAME or any(each.startswith("*") for each in spec.hosts):
        raise Refused("entry", place, f"a waypoint cannot find the addresses of {host}: ServiceEntry {first.name} gives none")
    if other := next((each for each in spec.hosts if each != host), None):
        raise Refused("entry", place, f"a route would be for {other}, too, which ServiceEntry {first.name} lists as well")
    asked = waypoints.binding(mesh, first)
    if (asked is None or asked.fault) and not egress.will_serve(mesh, first):
        raise Refused("entry", place, f"ServiceEntry {first.name} has no waypoint, so calls to {host} would cross none")
    return first


def stand_in(found: Resource[ServiceEntry]) -> Resource[Service]:
    """A Service with the ports of the ServiceEntry."""
    ports = tuple(
        ServicePort(name=each.name, port=each.number, app_protocol=each.protocol.lower() or None)
        for each in found.body.spec.ports
    )
    body = Service(metadata=found.body.metadata, spec=ServiceSpec(ports=ports))
    return Resource(Ref("Service", "", found.namespace, found.name), body, found.origin, found.base, found.shared)
