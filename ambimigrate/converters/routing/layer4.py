"""Rules for connections: TCPRoutes and TLSRoutes, where the target reads them and a waypoint decides as sidecars did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.actions import Context, backend
from ambimigrate.converters.routing.work import Work
from ambimigrate.kinds import Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.kinds.routes import RouteDestination, TCPMatch, TLSMatch
from ambimigrate.model import Resource, Route
from ambimigrate.topology import flags, hosts
from ambimigrate.topology.protocols import carries_http
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.versions import Version, at_least

ALPHA = "PILOT_ENABLE_ALPHA_GATEWAY_API"
OTHER_NAMES = "VS913"
_TLS = {"https", "tls"}


class Plan(Struct, frozen=True):
    """The route of one port: its kind and version, its backends, and for TLS the names that it asks for."""

    kind: str
    version: str
    port: int
    backends: tuple[dict[str, Any], ...]
    names: tuple[str, ...] = ()


class Placed(Struct, frozen=True):
    """The destinations of a rule, and where it stands."""

    targets: tuple[RouteDestination, ...]
    route: Route


def plans(work: Work, service: Resource[Service]) -> Iterator[Plan]:
    """The routes for the ports of the Service that do not, or not surely, carry HTTP. Raises Refused."""
    spec = work.vs.body.spec
    for i, tls in enumerate(spec.tls):
        _account(work, tls.match, ("spec", "tls", i))
    for i, tcp in enumerate(spec.tcp):
        _account(work, tcp.match, ("spec", "tcp", i))
    for port in service.body.spec.ports:
        yield from _of_port(work, service, port)
    _unused(work, service)


def _of_port(work: Work, service: Resource[Service], port: ServicePort) -> Iterator[Plan]:
    spec = work.vs.body.spec
    if spec.tls and is_tls(port):
        yield from _tls(work, service, port)
    if spec.tcp and carries_tcp(port):
        yield from _tcp(work, service, port)
    elif spec.tcp and is_tls(port) and (taken := _taken(work, port)):
        reason = f"until its route exists a waypoint would follow it on port {port.port}, too, which is TLS"
        raise Refused("l4", ("spec", "tcp", taken[0]), reason)


def _unused(work: Work, service: Resource[Service]) -> None:
    """Rules that no port of the Service has a use for."""
    spec = work.vs.body.spec
    for field, rules in (("tcp", spec.tcp), ("tls", spec.tls)):
        for i in range(len(rules)):
            if not any(route[:3] == ("spec", field, i) and "destination" in route for route in work.account.carried):
                work.account.left.setdefault(("spec", field, i), f"no port of {service.name} has a use for this {field} rule")


def is_tls(port: ServicePort) -> bool:
    """Whether the port is declared as TLS or HTTPS."""
    declared = (port.app_protocol or port.name.partition("-")[0]).lower()
    return port.protocol in {"", "TCP"} and declared in _TLS


def carries_tcp(port: ServicePort) -> bool:
    """Whether rules for TCP apply: the port is not declared as HTTP or TLS."""
    is_open = not (port.app_protocol or port.name.partition("-")[0].lower() in {"http", "http2", "grpc"})
    return port.protocol in {"", "TCP"} and not is_tls(port) and (not carries_http(port) or is_open)


def _account(work: Work, matches: Sequence[TCPMatch | TLSMatch], route: Route) -> None:
    """Conditions that a waypoint does not look at; raises Refused for those that tell connections apart."""
    for j, match in enumerate(matches):
        here = (*route, "match", j)
        work.account.carry(here, "port", "gateways", "sniHosts")
        if isinstance(match, TCPMatch) and match.source_subnet:
            work.account.left[(*here, "sourceSubnet")] = "Istio does not read it"
        if match.gateways and MESH not in match.gateways:
            work.account.left[here] = "it is for gateways only"
            continue
        if match.destination_subnets:
            raise Refused("l4", (*here, "destinationSubnets"), "a waypoint does not look at the address that was dialled")
        for name, used in (("sourceLabels", match.source_labels), ("sourceNamespace", match.source_namespace)):
            if used:
                raise Refused("source", (*here, name), f"{name} asks who the caller is; a waypoint routes all callers alike")


def _applies(match: TCPMatch | TLSMatch, port: int) -> bool:
    return match.port in {None, 0, port} and (not match.gateways or MESH in match.gateways)


def _tcp(work: Work, service: Resource[Service], port: ServicePort) -> Iterator[Plan]:
    """The first rule that applies takes every connection (tls.go `buildSidecarOutboundTCPFilterChainOpts`)."""
    rules, taken = work.vs.body.spec.tcp, _taken(work, port)
    for i in taken[1:]:
        work.account.left.setdefault(("spec", "tcp", i), f"tcp[{taken[0]}] takes every connection before it")
    if taken and (backends := _backends(work, service, Placed(rules[taken[0]].route, ("spec", "tcp", taken[0])), port.port)):
        yield Plan("TCPRoute", _version(work, "TCPRoute", ("spec", "tcp", taken[0])), port.port, backends)


def _taken(work: Work, port: ServicePort) -> list[int]:
    rules = work.vs.body.spec.tcp
    return [i for i, rule in enumerate(rules) if not rule.match or any(_applies(each, port.port) for each in rule.match)]


def _tls(work: Work, service: Resource[Service], port: ServicePort) -> Iterator[Plan]:
    """A waypoint takes the rule whose one name is the Service's for every connection, whatever name it asks for."""
    full = hosts.host_of(service)
    for i, rule in enumerate(work.vs.body.spec.tls):
        here: Route = ("spec", "tls", i)
        for j, match in enumerate(rule.match):
            if not _applies(match, port.port):
                continue
            if match.sni_hosts != (full,):
                reason = f"a waypoint does not look at server names; only a rule for {full} alone has a form"
                witness = f"TLS to {full}:{port.port} with server name {match.sni_hosts[0] if match.sni_hosts else '(none)'}"
                raise Refused("l4", (*here, "match", j, "sniHosts"), reason, witness)
            backends = _backends(work, service, Placed(rule.route, here), port.port)
            if backends:
                reason = f"a waypoint would send all connections to {backends[0]['name']}, not only those for {full}"
                witness = f"TLS to {full}:{port.port} with server name {service.name}: today {service.name} itself"
                refused = Refused("sni", (*here, "match", j, "sniHosts"), reason, witness)
                work.account.agree(work.settings, OTHER_NAMES, work.vs, refused)
                yield Plan("TLSRoute", _version(work, "TLSRoute", here), port.port, backends, (full,))
            return


def _backends(work: Work, service: Resource[Service], rule: Placed, port: int) -> tuple[dict[str, Any], ...]:
    """The backends; none if all connections go where they go without a rule."""
    route, single = rule.route, len(rule.targets) == 1
    context = Context(work.mesh, port, work.vs, work.account, service, work.settings)
    found = []
    for number, each in enumerate(rule.targets):
        here = (*route, "route", number)
        work.account.carry(here, "weight")
        ref = backend(each.destination, (*here, "destination"), context)
        weight = 1 if single else each.weight or 0
        if weight < 0 or weight > 1_000_000:
            raise Refused("destination", (*here, "weight"), "the weight does not fit into a route")
        if weight:
            found.append(ref | {"weight": weight})
    if not found or len(found) > 16:
        raise Refused("destination", route, "a route has 1 to 16 destinations")
    own = {"group": "", "kind": "Service", "name": service.name, "namespace": service.namespace, "port": port}
    return () if [{**each, "weight": 1} for each in found] == [own | {"weight": 1}] else tuple(found)


def _version(work: Work, kind: str, route: Route) -> str:
    """The API version by which the target reads the kind. Raises Refused if it does not read it.

    TLSRoute is standard from Gateway API 1.5 and read from Istio 1.30 on, TCPRoute from 1.6 and 1.31; before both are alpha
    and read with a switch from 1.26 on, by 1.28.6 and 1.29.2 and later no TLSRoute newer than 1.4.1 (minimumversions.go).
    """
    istio, api = work.mesh.target.istio, work.mesh.target.gateway_api
    standard, reading = (Version(1, 6), "1.31.0") if kind == "TCPRoute" else (Version(1, 5), "1.30.0")
    if at_least(istio, reading):
        if api < standard:
            raise Refused(
                "l4-version",
                route,
                f"Istio {istio} reads a {kind} of Gateway API {standard.major}.{standard.minor} or later only",
            )
        return "v1"
    if not at_least(istio, "1.26.0"):
        raise Refused("l4-version", route, f"a waypoint of Istio {istio} routes no connections; from 1.26 on it does")
    if not flags.pilot_env(work.mesh, ALPHA):
        raise Refused(
            "l4-version", route, f"istiod {istio} reads a {kind} with {ALPHA}=true only, which the input does not show"
        )
    if api < standard and work.mesh.target.channel != "experimental":
        raise Refused("l4-version", route, f"{kind} is in the experimental channel of Gateway API {api}")
    if kind == "TLSRoute" and at_least(istio, "1.28.6", "1.29.2") and api > Version(1, 4, 1):
        raise Refused("l4-version", route, f"Istio {istio} ignores a TLSRoute of Gateway API {api}; up to 1.4.1 it reads it")
    return "v1alpha2"
