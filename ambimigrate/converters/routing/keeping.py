"""The fall-back: a VirtualService that stays, and that the waypoint carries out, an alpha feature of Istio."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing import subjects
from ambimigrate.converters.routing.backends import destinations
from ambimigrate.converters.routing.flat import Placed, applies, flatten, speaks
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import DestinationRule, Service, VirtualService
from ambimigrate.kinds.routes import Destination, HTTPMatch, TCPMatch, TLSMatch
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts, meshconfig, reach
from ambimigrate.topology.protocols import carries_http
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.versions import at_least

_LONGEST_BODY = 4096  # listener_waypoint.go sets no maximum, which is Envoy's default


def is_kept(vs: Resource[VirtualService], mesh: Mesh, settings: Settings) -> bool:
    """Whether the user wants it to stay for a Service that it routes."""
    return bool(settings.keep) and any(settings.keeps(each.namespace, each.name) for each in _services(vs, mesh))


def _services(vs: Resource[VirtualService], mesh: Mesh) -> tuple[Resource[Service], ...]:
    return reach.once(each for host in vs.body.spec.hosts for each in hosts.services(mesh, host, vs.namespace, vs.file))


def check(vs: Resource[VirtualService], mesh: Mesh, settings: Settings) -> None:
    """Raises Refused unless the waypoint decides by it as sidecars do, and it is to stay for all its Services."""
    for each in _services(vs, mesh):
        if not settings.keeps(each.namespace, each.name):
            raise Refused("keep", ("spec", "hosts"), f"it routes {each.name}, too, which is not to keep its VirtualService")
    _check(vs, mesh)


def offer(vs: Resource[VirtualService], mesh: Mesh, settings: Settings) -> str | None:
    """The option by which the VirtualService could stay with the same decisions, None if it could not."""
    found = _services(vs, mesh)
    if not found or any(settings.keeps(each.namespace, each.name) for each in found):
        return None
    try:
        _check(vs, mesh)
    except Refused:
        return None
    options = " ".join(f"--keep-virtual-services {each.namespace}/{each.name}" for each in found[:3])
    return f"Or keep the VirtualService, which the waypoint carries out as sidecars do (alpha in Istio): {options}"


def _check(vs: Resource[VirtualService], mesh: Mesh) -> None:
    try:
        _check_hosts(vs, mesh)
        flat = flatten(vs, mesh, Account())
    except Refused as refused:
        raise Refused("keep", refused.route, refused.reason, refused.witness) from None
    for placed in flat:
        _check_rule(placed, mesh, _services(vs, mesh))
    _check_retries(vs, mesh, flat)
    _check_connections(vs, mesh)


def _check_retries(vs: Resource[VirtualService], mesh: Mesh, flat: tuple[Placed, ...]) -> None:
    """Where nothing routes a port, waypoints retry as sidecars do from 1.30.3 on (istio#60683)."""
    if not vs.body.spec.http or at_least(mesh.target.istio, "1.30.3", "1.31.0"):
        return
    for service in _services(vs, mesh):
        for port in service.body.spec.ports:
            if carries_http(port) and not speaks(flat, port.port):
                reason = (
                    f"it has no rule for port {port.port} of {service.name}, where Istio {mesh.target.istio} would not retry"
                )
                raise Refused("keep", ("spec", "http"), reason)


def _check_hosts(vs: Resource[VirtualService], mesh: Mesh) -> None:
    subjects.check_subject(vs, mesh)
    subjects.check_exported(vs, mesh)
    for number, host in enumerate(vs.body.spec.hosts):
        place: Route = ("spec", "hosts", number)
        found = hosts.services(mesh, host, vs.namespace, vs.file)
        if not found:
            raise Refused("keep", place, f"{host} names no Service of the input")
        for service in found:
            subjects.check_service(vs, service, mesh, place)
            _check_alone(vs, service, mesh, place)


def _check_alone(vs: Resource[VirtualService], service: Resource[Service], mesh: Mesh, place: Route) -> None:
    """Sidecars follow one VirtualService of a host, waypoints all (1.28.6, 1.29.2, 1.30) or the first of any host."""
    others = [each.name for each in reach.mesh_virtual_services(mesh, service) if each.ref != vs.ref]
    if others:
        raise Refused("keep", place, f"{reach.listed(others)} routes {service.name}, too: a waypoint would follow both")
    if reach.mesh_routes(mesh, service):
        raise Refused("keep", place, f"{service.name} has routes of the Gateway API, and both do not go together")


def _check_rule(placed: Placed, mesh: Mesh, services: tuple[Resource[Service], ...]) -> None:
    for match, here in placed.matches:
        _check_source(match, here, mesh)
    answer = placed.rule.direct_response
    if answer and answer.body and len((answer.body.string or answer.body.bytes or "").encode()) > _LONGEST_BODY:
        reason = f"a waypoint refuses all its configuration for a body of more than {_LONGEST_BODY} bytes"
        raise Refused("keep", (*placed.route, "directResponse", "body"), reason)
    for destination in destinations(placed.rule):
        _check_port(destination, placed, mesh, services)
        if destination.subset is not None:
            _check_subset(destination, placed, mesh)


def _check_source(match: HTTPMatch, here: Route, mesh: Mesh) -> None:
    """A waypoint drops what asks for labels, and compares namespaces with its own (1.26; before, with neither)."""
    for name, used in (("sourceLabels", match.source_labels), ("sourceNamespace", match.source_namespace)):
        if used:
            raise Refused("keep", (*here, name), f"a waypoint does not know the caller that {name} asks for")
    if match.gateways and MESH not in match.gateways and not at_least(mesh.target.istio, "1.26.0"):
        raise Refused(
            "keep", (*here, "gateways"), f"a waypoint of Istio {mesh.target.istio} follows what is for gateways only, too"
        )


def _check_port(destination: Destination, placed: Placed, mesh: Mesh, services: tuple[Resource[Service], ...]) -> None:
    """Without a port a waypoint takes the only one of the destination, a sidecar always the listener's (route.go)."""
    found = hosts.service(mesh, destination.host, placed.owner.namespace, placed.owner.file)
    if found is None or (destination.port and destination.port.number) or len(found.body.spec.ports) != 1:
        return
    known = found.body.spec.ports[0].port
    for port in (port for service in services for port in service.body.spec.ports if carries_http(port)):
        used = not placed.matches or any(applies(match, port.port) for match, _ in placed.matches)
        if used and port.port != known:
            reason = f"requests to port {port.port} get 503 today, and would reach port {known} of {found.name} by a waypoint"
            raise Refused("keep", placed.route, reason)


def _check_subset(destination: Destination, placed: Placed, mesh: Mesh) -> None:
    """A waypoint reads DestinationRules as a client in its own namespace does."""
    full = hosts.full_name(destination.host, placed.owner.namespace)
    root = meshconfig.root_namespace(mesh)
    own = hosts.service(mesh, destination.host, placed.owner.namespace, placed.owner.file)
    for rule in mesh.of(DestinationRule):
        if hosts.covers(hosts.full_name(rule.body.spec.host, rule.namespace), full):
            if rule.namespace not in {root, own.namespace if own else None} or own is None:
                raise Refused(
                    "keep", placed.route, f"DestinationRule {rule.namespace}/{rule.name} is read by its own namespace only"
                )
            if rule.body.spec.workload_selector is not None:
                raise Refused(
                    "keep", placed.route, f"DestinationRule {rule.name} is for some clients only, which no waypoint is"
                )


def _check_connections(vs: Resource[VirtualService], mesh: Mesh) -> None:
    """Waypoints follow rules for connections from 1.26 on, without looking at names, addresses or sources."""
    spec = vs.body.spec
    if not (spec.tcp or spec.tls):
        return
    if not at_least(mesh.target.istio, "1.26.0"):
        raise Refused(
            "keep", ("spec", "tcp" if spec.tcp else "tls"), f"a waypoint of Istio {mesh.target.istio} routes no connections"
        )
    if spec.tls:
        raise Refused("keep", ("spec", "tls"), "a waypoint does not look at server names")
    for match, here in _tcp(vs):
        asks = (match.destination_subnets, match.source_labels, match.source_namespace)
        if any(asks):
            raise Refused("keep", here, "a waypoint looks neither at addresses nor at callers")


def _tcp(vs: Resource[VirtualService]) -> Iterator[tuple[TCPMatch | TLSMatch, Route]]:
    for i, rule in enumerate(vs.body.spec.tcp):
        yield from ((match, ("spec", "tcp", i, "match", j)) for j, match in enumerate(rule.match))
