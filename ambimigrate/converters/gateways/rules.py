"""What a VirtualService does with the requests of one listener, as rules of HTTPRoutes.

The matches, actions and their order are those of routes in the mesh (`routing`): istiod makes VirtualServices of HTTPRoutes for
both. A gateway differs in this: entries may name it, a destination without port means the only port of its Service
(route.go `GetDestinationCluster`), several VirtualServices of one host are joined with their catch-alls last
(gateway.go `buildGatewayHTTPRouteConfig`, `SortVHostRoutes`), and requests may come by TLS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.gateways import subsets
from ambimigrate.converters.gateways.binding import Name, named
from ambimigrate.converters.gateways.listeners import Listener
from ambimigrate.converters.gateways.servers import HTTPS
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import are_disjoint
from ambimigrate.converters.routing.distribute import MOST_RULES
from ambimigrate.converters.routing.entries import Fate, shown
from ambimigrate.converters.routing.flat import Ledger, Placed, flatten
from ambimigrate.converters.routing.lists import Port
from ambimigrate.converters.routing.order import Line, Order, clashes
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import Destination, HTTPMatch, HTTPRule
from ambimigrate.kinds.shared import PortSelector
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts
from ambimigrate.topology.virtualservices import MESH

Rule = dict[str, Any]
Key = tuple[int, Route]  # the object and the place of an entry
INSIDE = "it is for clients in the mesh"
_UNREACHED = "no request that a listener takes reaches it"


class Served(Struct, frozen=True, eq=False):
    """What a VirtualService comes to at a listener: its lines in order, and the same as rules.

    `origin` are the listeners and hosts by which it has a virtual host.
    """

    vs: Resource[VirtualService]
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    origin: frozenset[tuple[str, str]] = frozenset()


class Serving(Struct, frozen=True, eq=False):
    """A VirtualService that is being converted: what became of its fields, and by which listener its entries are used."""

    vs: Resource[VirtualService]
    mesh: Mesh
    settings: Settings
    account: Ledger
    live: set[Key] = field(default_factory=set)
    gone: dict[Key, str] = field(default_factory=dict)

    def at(self, listener: Listener, gateway: Name) -> Served:
        """What it does at a listener of the Gateway. Raises Refused."""
        flat, fate = tuple(self._flat(listener, gateway)), Fate()
        port = Port(flat, self.mesh, self.vs.body.spec.hosts[0].replace("*", "x"), listener.port, self.settings)
        kept = port.kept(fate)
        self.live.update((id(flat[number].owner), route) for number, route in fate.live)
        self.gone.update({(id(flat[number].owner), route): why for (number, route), why in fate.gone.items()})
        for rule in {each.rule for each in kept}:
            _check_redirect(flat[rule], listener)
        if not kept:
            return Served(self.vs, (), ())
        return Served(self.vs, tuple(port.lines(kept)), tuple(port.rules(Fate())))

    def finish(self) -> None:
        """What lies in entries that no listener uses is left out with the reason."""
        for placed in flatten(self.vs, self.mesh, self.account):
            known = [(id(placed.owner), here) for _, here in placed.matches] or [(id(placed.owner), placed.route)]
            dead = [each for each in known if each not in self.live]
            left = {placed.route: dead[:1]} if len(dead) == len(known) else {each[1]: [each] for each in dead}
            for route, keys in left.items():
                placed.account.left[route] = next((self.gone[key] for key in keys if key in self.gone), _UNREACHED)

    def _flat(self, listener: Listener, gateway: Name) -> Iterator[Placed]:
        for placed in flatten(self.vs, self.mesh, self.account):
            own = tuple(self._own(placed, gateway))
            if placed.matches and not own:
                continue
            yield replace(placed, rule=self._completed(placed, listener.home), matches=own)

    def _own(self, placed: Placed, gateway: Name) -> Iterator[tuple[HTTPMatch, Route]]:
        """The entries for this Gateway; those that name gateways ask for no source (route.go `sourceMatchHTTP`)."""
        for match, here in placed.matches:
            if match.gateways:
                placed.account.carry(here, "gateways")
                if gateway not in {named(each, placed.owner.namespace) for each in match.gateways if each != MESH}:
                    self.gone.setdefault((id(placed.owner), here), _elsewhere(match))
                    continue
                unread = {"sourceLabels": match.source_labels, "sourceNamespace": match.source_namespace}
                said = "no proxy reads it where gateways are named"
                placed.account.left.update({(*here, name): said for name, used in unread.items() if used})
            elif match.source_labels or match.source_namespace:
                field = "sourceLabels" if match.source_labels else "sourceNamespace"
                raise Refused("match", (*here, field), f"{field} asks for the gateway's own pods, which no HTTPRoute does")
            if match.scheme is not None:
                raise Refused("match", (*here, "scheme"), "an HTTPRoute of a gateway does not tell http from https")
            yield replace(match, gateways=(), source_labels={}, source_namespace=""), here

    def _completed(self, placed: Placed, home: str) -> HTTPRule:
        """The rule with the ports that its destinations mean."""
        rule, owner = placed.rule, placed.owner
        targets = tuple(
            replace(each, destination=self.completed(owner, each.destination, (*placed.route, "route", number), home))
            for number, each in enumerate(rule.route)
        )
        mirrors = tuple(
            replace(each, destination=self.completed(owner, each.destination, (*placed.route, "mirrors", number), home))
            for number, each in enumerate(rule.mirrors)
        )
        mirror = rule.mirror and self.completed(owner, rule.mirror, (*placed.route, "mirror"), home)
        return replace(rule, route=targets, mirrors=mirrors, mirror=mirror)

    def completed(self, owner: Resource[VirtualService], destination: Destination, route: Route, home: str) -> Destination:
        """The destination with the only port of its Service where it names none, as pods of `home` call it. Raises Refused."""
        service = hosts.service(self.mesh, destination.host, owner.namespace, owner.file)
        if service is None and hosts.service_entries(self.mesh, destination.host, owner.namespace):
            reason = f"{destination.host} is of a ServiceEntry, which no route of a gateway is shown to reach"
            raise Refused("destination", route, reason)
        if service is not None and destination.subset:
            try:
                subsets.check(self.mesh, service, destination.subset, home)
            except Refused as refused:
                raise Refused("subset", (*route, "subset"), refused.reason, refused.witness) from None
        if (destination.port and destination.port.number) or service is None or len(service.body.spec.ports) != 1:
            return destination
        return replace(destination, port=PortSelector(service.body.spec.ports[0].port))


def _elsewhere(match: HTTPMatch) -> str:
    return INSIDE if MESH in match.gateways else "it is for another gateway"


def _check_redirect(placed: Placed, listener: Listener) -> None:
    """Behind TLS the port that a redirect without scheme writes is another one (route.go `ApplyRedirect`)."""
    own = placed.rule.redirect
    if own and listener.protocol == HTTPS and (not own.scheme or own.derive_port == "FROM_REQUEST_PORT"):
        raise Refused("match", (*placed.route, "redirect"), "behind TLS only a redirect that names its scheme has a form")


def check_together(found: Sequence[Served], host: str) -> None:
    """Several VirtualServices of one host: their age must not matter, nor may Istio sort one's rules before another's.

    Routes of one listener and host become one list, as their rules are today, but sorted (route_collections.go
    `mergeHTTPRoutes`); those of others stand behind each other by age. Raises Refused.
    """
    if len(found) > 1 and any(len(each.lines) > MOST_RULES for each in found):
        reason = f"several VirtualServices are for {host}, and one has more than {MOST_RULES} entries"
        raise Refused("size", ("spec", "http"), reason)
    for i, one in enumerate(found):
        for other in found[:i]:
            for line in one.lines:
                _check_apart(line, other, host, merged=one.origin == other.origin)
    plain = [line for each in found for line in each.lines if not line.condition.is_catch_all]
    last = [line for each in found for line in each.lines if line.condition.is_catch_all]
    lines = [*plain, *last]
    for first, overtaking in clashes(lines, Order(strict=True)):
        reason = f"another VirtualService of {host} has a rule that a route of this one would overtake"
        raise Refused("several", lines[overtaking].item.route, f"{reason}: {shown(lines[first].item)}")


def _check_apart(line: Line, other: Served, host: str, *, merged: bool) -> None:
    for each in other.lines:
        if line.same == each.same or are_disjoint(line.condition, each.condition):
            continue
        last = [one for one in (line, each) if one.condition.is_catch_all]
        if len(last) != 1 or not (
            merged or last[0].type == "PathPrefix"
        ):  # which the gateway sorts behind all (SortVHostRoutes)
            reason = (
                f"VirtualService {other.vs.namespace}/{other.vs.name} takes requests for {host}, too; today the older one wins"
            )
            raise Refused("several", line.item.route, reason)
