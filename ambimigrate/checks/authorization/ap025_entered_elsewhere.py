"""AP025: L7 policies on a Service that is also reached through the route of another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, hosts, policies, ztunnel
from ambimigrate.topology.virtualservices import is_of_mesh

Entry = tuple[Resource[Service], Resource[VirtualService]]


@rule("AP025", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not ztunnel.uses_l7(policy.body) and policy.body.spec.action != "CUSTOM":
        return
    targeted = bool(policies.targets(policy))
    for service in _services(policy, mesh):
        for door, vs in mesh.index(_doors).get(id(service), ()):
            judged = policy in attachment.applied(mesh).get(id(door), ())
            if judged or (not targeted and door in policies.scope(mesh, policy).services):
                continue
            opens = "fails open: " if targeted else ""
            message = (
                f"{opens}{vs.ref} leads requests for {door.name} to {service.name}; the waypoint judges them by policies of "
                f"{door.name} only"
            )
            yield Hit(policy.at("spec"), message, "targeted" if targeted else "selector")


def _services(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Resource[Service]]:
    if policies.targets(policy):
        yield from (each for each in attachment.reached(mesh, policy) if isinstance(each.body, Service))
    else:
        yield from policies.scope(mesh, policy).services


def _doors(mesh: Mesh) -> Mapping[int, tuple[Entry, ...]]:
    """For each Service the other Services whose VirtualServices lead to it."""
    found: dict[int, dict[tuple[int, int], Entry]] = {}
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body):
            for door, target in _pairs(mesh, vs):
                found.setdefault(id(target), {})[id(door), id(vs)] = (door, vs)
    return {key: tuple(entries.values()) for key, entries in found.items()}


def _pairs(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[tuple[Resource[Service], Resource[Service]]]:
    doors = [each for host in vs.body.spec.hosts for each in hosts.services(mesh, host, vs.namespace, vs.file)]
    for http in vs.body.spec.http:
        for route in http.route:
            target = hosts.service(mesh, route.destination.host, vs.namespace, vs.file)
            yield from ((door, target) for door in doors if target is not None and door is not target)
