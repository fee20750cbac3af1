"""Subsets that VirtualServices of gateways name: the Services that stand for them serve gateways as they serve waypoints.

A proxy takes the DestinationRule of its own namespace first, then that of the Service (push_context.go `destinationRule`); the
Service of a subset has its policies from the latter.
"""

from __future__ import annotations

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.subsets.defined import most_specific
from ambimigrate.converters.subsets.services import reserved
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import fronts, hosts, meshconfig


def check(mesh: Mesh, service: Resource[Service], subset: str, home: str) -> None:
    """Raises Refused unless a Service can stand for the subset also where gateway pods of the namespace call it."""
    reserved(mesh, service, subset)
    own = most_specific(mesh.within(DestinationRule, home), hosts.host_of(service))
    if own and home not in {service.namespace, meshconfig.root_namespace(mesh)}:
        reason = f"gateways in {home} take the subsets of {service.name} from their own DestinationRule {own[0].name}"
        raise Refused("subset", (), reason)
    if fronts.takes_ingress(mesh, service):
        raise Refused("subset", (), f"gateways call {service.name} through its waypoint, a Service of a subset they would not")
