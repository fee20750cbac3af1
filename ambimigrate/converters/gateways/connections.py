"""Rules for connections at a gateway: TLS by server name, and TCP, as TLSRoutes and TCPRoutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.converters.gateways.binding import Name, named, shared_hosts
from ambimigrate.converters.gateways.listeners import Listener
from ambimigrate.converters.gateways.rules import Serving
from ambimigrate.converters.gateways.servers import TCP, TLS
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.backends import backend
from ambimigrate.converters.routing.context import Context
from ambimigrate.converters.routing.layer4 import ALPHA
from ambimigrate.kinds import IstioGateway
from ambimigrate.kinds.routes import RouteDestination, TCPMatch
from ambimigrate.model import Resource, Route
from ambimigrate.topology import flags, hosts
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.versions import Version, at_least

_MOST = 16


class Connection(Struct, frozen=True):
    """A route for connections: its kind and version, the names that they ask for, and where they go."""

    kind: str
    version: str
    names: tuple[str, ...]
    backends: tuple[dict[str, Any], ...]


def at(serving: Serving, listener: Listener, gateway: Resource[IstioGateway]) -> tuple[Connection, ...]:
    """The routes of a VirtualService at a listener of the Gateway. Raises Refused."""
    own = gateway.namespace, gateway.name
    if listener.protocol == TLS:
        return tuple(_tls(serving, listener, gateway, own))
    return tuple(_tcp(serving, listener, own)) if listener.protocol == TCP else ()


def _tls(serving: Serving, listener: Listener, gateway: Resource[IstioGateway], own: Name) -> Iterator[Connection]:
    """A rule takes the server names that it lists (gateway.go `buildGatewayNetworkFiltersFromTLSRoutes`)."""
    spec, used = serving.vs.body.spec, set[str]()
    if spec.tcp:
        raise Refused("protocol", ("spec", "tcp"), "tcp rules at a server that passes TLS on have no form")
    passing = [each for each in gateway.body.spec.servers if each.tls and each.tls.mode == "PASSTHROUGH"]
    beside = [each for each in passing if each.port and each.port.number == listener.port]
    known = [host for each in beside for host in shared_hosts(each, gateway, serving.vs)]
    for number, rule in enumerate(spec.tls):
        here: Route = ("spec", "tls", number)
        names = [name for match in _entries(serving, rule.match, here, listener, own) for name in match.sni_hosts]
        lower = dict.fromkeys(hosts.full_name(each, serving.vs.namespace).lower() for each in names)
        for each in lower:
            if each in used:
                raise Refused("host", (*here, "match"), f"an earlier rule takes connections for {each}, too")
            if each == "*" or not any(hosts.covers(host, each) for host in known):
                reason = f"no server of port {listener.port} is for all of {each}; today it takes them all the same"
                raise Refused("host", (*here, "match"), reason)
        used |= lower.keys()
        covered = (each for each in lower if hosts.covers(listener.host, each))
        place: Route = (*here, "match")
        if wanted := tuple(each for each in covered if not listener.gives_up(each, serving.vs.namespace, place)):
            backends = _backends(serving, rule.route, here, listener)
            yield Connection("TLSRoute", _version(serving, "TLSRoute", here), wanted, backends)


def _tcp(serving: Serving, listener: Listener, own: Name) -> Iterator[Connection]:
    """The first rule that applies takes every connection (gateway.go `buildGatewayNetworkFiltersFromTCPRoutes`)."""
    for number, rule in enumerate(serving.vs.body.spec.tcp):
        here: Route = ("spec", "tcp", number)
        if not rule.match or tuple(_entries(serving, rule.match, here, listener, own)):
            backends = _backends(serving, rule.route, here, listener)
            yield Connection("TCPRoute", _version(serving, "TCPRoute", here), (), backends)
            return


def _entries(serving: Serving, matches: tuple[Any, ...], route: Route, listener: Listener, own: Name) -> Iterator[Any]:
    for number, match in enumerate(matches):
        here = (*route, "match", number)
        serving.account.carry(here, "port", "gateways", "sniHosts")
        if match.gateways and own not in {named(each, serving.vs.namespace) for each in match.gateways if each != MESH}:
            continue
        if match.port not in {None, 0, listener.port}:
            continue
        for name, used in (
            ("destinationSubnets", match.destination_subnets),
            ("sourceLabels", match.source_labels),
            ("sourceNamespace", match.source_namespace),
        ):
            if used:
                raise Refused("match", (*here, name), f"no route of a gateway asks for {name}")
        if isinstance(match, TCPMatch) and match.source_subnet:
            serving.account.left[(*here, "sourceSubnet")] = "Istio does not read it"
        yield match


def _backends(
    serving: Serving, targets: tuple[RouteDestination, ...], route: Route, listener: Listener
) -> tuple[dict[str, Any], ...]:
    context = Context(serving.mesh, listener.port, serving.vs, serving.account, None, serving.settings)
    found = []
    for number, each in enumerate(targets):
        here = (*route, "route", number)
        serving.account.carry(here, "weight")
        destination = serving.completed(serving.vs, each.destination, (*here, "destination"), listener.home)
        ref = backend(destination, (*here, "destination"), context)
        weight = 1 if len(targets) == 1 else each.weight or 0
        if not 0 <= weight <= 1_000_000:
            raise Refused("destination", (*here, "weight"), "the weight does not fit into a route")
        if weight:
            found.append(ref | {"weight": weight})
    if not 0 < len(found) <= _MOST:
        raise Refused("destination", route, f"a route has 1 to {_MOST} destinations")
    return tuple(found)


def _version(serving: Serving, kind: str, route: Route) -> str:
    """The API version by which the target reads the kind at a gateway. Raises Refused if it does not read it.

    TLS listeners and TLSRoutes are read without a switch from Istio 1.30 and Gateway API 1.5 on; before, and for TCP, istiod
    accepts the listener with the switch alone (conversion.go `listenerProtocolToIstio`). Both kinds are in the experimental
    channel before 1.5 and 1.6; 1.28.6 and 1.29.2 and later read no TLSRoute newer than 1.4.1 (minimumversions.go).
    """
    target = serving.mesh.target
    istio, api = target.istio, target.gateway_api
    if kind == "TLSRoute" and at_least(istio, "1.30.0") and api >= Version(1, 5):
        return "v1"
    if not flags.pilot_env(serving.mesh, ALPHA):
        raise Refused("version", route, f"istiod {istio} reads a {kind} with {ALPHA}=true only, which the input does not show")
    standard = Version(1, 6) if kind == "TCPRoute" else Version(1, 5)
    if kind == "TLSRoute" and at_least(istio, "1.28.6", "1.29.2") and (api > Version(1, 4, 1) or at_least(istio, "1.30.0")):
        raise Refused("version", route, f"Istio {istio} and Gateway API {api} do not go together for a TLSRoute")
    if api < standard and target.channel != "experimental":
        raise Refused("version", route, f"{kind} is in the experimental channel of Gateway API {api}")
    return "v1" if kind == "TCPRoute" and api >= standard and at_least(istio, "1.31.0") else "v1alpha2"
