"""Which VirtualServices of the mesh route the calls of a Service."""

from __future__ import annotations

from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import hosts
from ambimigrate.topology.virtualservices import is_of_mesh


def routing(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[VirtualService], ...]:
    """The VirtualServices of the mesh that route calls of a Service."""
    return mesh.index(_routing).get((service.namespace, service.name), ())


def _routing(mesh: Mesh) -> dict[tuple[str, str], tuple[Resource[VirtualService], ...]]:
    found = ((each, host) for each in mesh.of(VirtualService) if is_of_mesh(each.body) for host in each.body.spec.hosts)
    named = ((vs, each) for vs, host in found for each in hosts.services(mesh, host, vs.namespace, vs.file))
    return grouped(((service.namespace, service.name), vs) for vs, service in named)
