"""What one namespace becomes, converter by converter, and which of its Services need a waypoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ambimigrate.converters import (
    beginning,
    chained,
    egress,
    labels,
    leftovers,
    made,
    mutual_tls,
    networks,
    openings,
    optouts,
    others,
    pilot,
    policies,
    preferring,
    serving,
    waypoints,
)
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.routing import ends, passing, routes
from ambimigrate.converters.routing.actions import destinations
from ambimigrate.converters.subsets import destinationrules, doors, versioned
from ambimigrate.kinds import HTTPRoute, Service, VirtualService
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import chains, hosts, injection, reach
from ambimigrate.topology.virtualservices import is_of_mesh


def draft(mesh: Mesh, name: str, asked: tuple[str, ...] | None, aims: policies.Aims) -> Outcome:
    """What could be done for a namespace, or for the pilot in it, if nothing held it.

    `asked` are the Services for which scan asks for a waypoint; None if the namespace is not in the mesh.
    """
    found, named = _whole(mesh, name, asked, aims), aims.settings.pilot
    return pilot.only(mesh, name, found, named) if named else found


def _whole(mesh: Mesh, name: str, asked: tuple[str, ...] | None, aims: policies.Aims) -> Outcome:
    settings = aims.settings
    own = [vs for vs in mesh.within(VirtualService, name) if is_of_mesh(vs.body)]
    found = [routes.convert(vs, mesh, settings) for vs in own if vs.body.spec.hosts and not chains.gateway(mesh, vs)]
    found.append(ends.retired(mesh, name, settings))
    found += [
        destinationrules.retired(mesh, name, settings),
        versioned.serve(mesh, mesh.within(VirtualService, name), settings),
    ]
    if asked is None:
        return Outcome(held=tuple(each for outcome in found for each in outcome.held))
    needed = {*asked, *_routed(mesh, name, own), *others.needs(mesh, name)}
    needed |= {*policies.needs(mesh, name), *destinationrules.needs(mesh, name, settings)}
    plan = serving.plan(mesh, name, needed, settings)
    found += [waypoints.serve(mesh, name, plan, settings), passing.serve(mesh, name, plan, settings)]
    found += others.convert(mesh, name, plan, aims)
    found += [
        policies.convert(mesh, name, plan, aims),
        networks.convert(mesh, name, plan, settings),
        mutual_tls.convert(mesh, name),
    ]
    found += [
        labels.enroll(mesh, name, settings.pilot),
        leftovers.convert(mesh, name, settings),
        egress.serve(mesh, name, settings),
        chained.convert(mesh, name, settings),
        optouts.convert(mesh, name, settings),
        openings.convert(mesh, name, settings),
        preferring.convert(mesh, name, plan, settings),
        destinationrules.of_callers(mesh, name, settings),
    ]
    moving = any(outcome.changes for outcome in found)
    services = [each for service in needed if (each := mesh.find(Service, name, service))] + list(_destinations(mesh, own))
    held = [each for outcome in found for each in outcome.held]
    if moving or injection.mode(mesh, name) != injection.AMBIENT:
        held += destinationrules.of_some(mesh, [each for each in services if each.namespace == name])
    changes = preferring.on_versions(versioned.bound(change for outcome in found for change in outcome.changes))
    found_ = Outcome(changes, (*held, *doors.open_ones(mesh, name, changes)))
    return beginning.named(mesh, passing.named(mesh, name, plan, found_, settings), settings)


def _destinations(mesh: Mesh, own: Iterable[Resource[VirtualService]]) -> Iterator[Resource[Service]]:
    """The Services that the waypoint will call in place of the callers."""
    for vs in own:
        named = [each for rule in vs.body.spec.http for each in destinations(rule)]
        found = (hosts.service(mesh, each.host, vs.namespace, vs.file) for each in named)
        yield from (each for each in found if each is not None)


def _routed(mesh: Mesh, namespace: str, own: Iterable[Resource[VirtualService]]) -> Iterator[str]:
    """The Services of the namespace that VirtualServices or routes of ours are about: they need a waypoint."""
    for vs in own:
        for host in vs.body.spec.hosts:
            yield from (each.name for each in hosts.services(mesh, host, vs.namespace, vs.file) if each.namespace == namespace)
    yield from mesh.index(_parents).get(namespace, ())


def _parents(mesh: Mesh) -> Mapping[str, tuple[str, ...]]:
    """The Services that routes of ours are about, by namespace."""
    routed = (route for route in mesh.of(HTTPRoute) if made.is_ours(route))
    named = (reach.parent(ref, route.namespace) for route in routed for ref in route.body.spec.parent_refs)
    return grouped((each[1], each[2]) for each in named if each and each[0] == "Service")
