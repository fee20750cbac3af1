"""One group of Istio Gateways with its VirtualServices as objects of the Gateway API: all of it, or the reason why none.

While both forms exist, and one after the other goes, every request is decided alike. Plain HTTP: servers of both forms share
one route table, whose virtual hosts hold the rules of both, catch-alls last; since each list alone decides alike, so do both
together. TLS and TCP: of two servers for one host and port the older one is kept (pilot/pkg/model/gateway.go `mergeGateways`),
and the newer takes over when it goes. So the Istio Gateway goes before its VirtualServices, which an HTTPS server needs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ambimigrate.changes import Create
from ambimigrate.converters.gateways import attaching, claims, dns, inside, listeners, objects
from ambimigrate.converters.gateways.binding import ALL, Group
from ambimigrate.converters.gateways.front import front
from ambimigrate.converters.gateways.parts import Bound, Made, Part, Table, check_known, check_lost, counts
from ambimigrate.converters.gateways.served import served
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import IstioGateway
from ambimigrate.model import Mesh, Resource


class Refusal(Exception):
    """A refusal with the object that it is about."""

    def __init__(self, subject: Resource[Any], refused: Refused) -> None:
        super().__init__(str(refused))
        self.subject, self.refused = subject, refused


def made(mesh: Mesh, group: Group, settings: Settings) -> tuple[Made, ...]:
    """The objects that take the place of the group. Raises Refusal."""
    place, table = objects.Place(mesh, inside.names(mesh, group.services, settings)), Table()
    parts = [_about(each, partial(_part, mesh, each, settings)) for each in group.gateways]
    gateways = {part.source.ref: _about(part.source, partial(_made, place, part)) for part in parts}
    bound = Bound(parts, gateways, table)
    found = [_about(vs, partial(served, place, vs, settings, bound)) for vs in group.services]
    every = (_about(part.source, partial(_gateway, place, part, gateways[part.source.ref])) for part in parts)
    return (*every, *found)


def _about(subject: Resource[Any], make: Any) -> Any:
    """What `make` gives. Raises Refusal."""
    try:
        return make()
    except Refused as refused:
        raise Refusal(subject, refused) from None


def _made(place: objects.Place, part: Part) -> Create:
    return objects.gateway(place, part.source, part.front, part.listeners)


def _part(mesh: Mesh, gateway: Resource[IstioGateway], settings: Settings) -> Part:
    if mesh.index(counts)[gateway.ref] > 1:
        raise Refused("repeated", ("metadata", "name"), f"{gateway.name} stands in several files of one environment")
    check_known(gateway)
    dns.check(mesh, gateway)
    account, found = Account(), front(mesh, gateway)
    own = listeners.listeners(mesh, gateway, found, account, settings)
    listeners.check_pods(found, own)
    claims.check(mesh, gateway, found)
    check_lost(gateway, account)
    return Part(gateway, found, own, account)


def _gateway(place: objects.Place, part: Part, gateway: Create) -> Made:
    redirecting = [(gateway, each) for each in part.listeners if each.redirects]
    more = [objects.redirect(place, part.source, gateway.beside, start) for start in attaching.spread(redirecting, (ALL,))]
    return Made(part.source, part.account, (gateway, *more))
