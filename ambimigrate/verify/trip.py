"""The way of one request through one mesh: where it is routed, and what every proxy on its way says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import Service, ServiceEntry
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import authz, direct, registry, sidecar, sidecar_connections, waypoint, waypoint_connections
from ambimigrate.semantics.authz import settings
from ambimigrate.semantics.authz import waypoint as guard
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client, Decision, Outcome, Request
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import Workload, behind, target_port, workloads
from ambimigrate.verify import callers, memory, onward, wires
from ambimigrate.verify.seen import Case
from ambimigrate.verify.values import GATEWAY, OUTSIDE, Ask, Caller, Place

PROXY = "the proxies themselves"  # what answers where no backend does
_LET_IN = authz.Decision(authz.Verdict.ALLOW, 200)  # nobody of the mesh decides about what has left it


class Trip(Struct, frozen=True):
    """What routing makes of a request, and for each workload that it reaches whether it is let in."""

    mode: str
    routed: Decision
    verdicts: Mapping[str, authz.Decision]


def routed(mesh: Mesh, caller: Caller, place: Place, ask: Ask) -> Decision:
    """Where the request goes, authorization left aside: once for all callers whose way is the same."""
    if ask.direct:
        return Decision(())
    mode = callers.mode(mesh, caller, place)
    client = Client(caller.namespace, caller.labels) if mode == injection.SIDECAR else None
    key = (client, client is None and _is_captured(mesh, mode, place), place, ask)
    known = mesh.index(_last)
    if key not in known:
        if known and next(iter(known))[2:] != (place, ask):
            known.clear()  # requests come one after the other
        known[key] = _routed(mesh, client, place, ask, captured=key[1])
    return known[key]


def meant(mesh: Mesh, caller: Caller, place: Place, ask: Ask) -> Decision:
    """Where the request would go from a sidecar: what the routes mean for a caller that follows none of them yet."""
    return _routed(mesh, Client(caller.namespace, caller.labels), place, ask, captured=False)


def _last(_mesh: Mesh) -> dict[Any, Decision]:
    return {}


def _routed(mesh: Mesh, client: Client | None, place: Place, ask: Ask, *, captured: bool) -> Decision:
    if not place.is_http:
        return _connected(mesh, client, place, Connection(place.host, place.port, ask.host), captured=captured)
    request = Request(place.host, place.port, ask.method, ask.path, ask.host, ask.headers, reply=ask.reply)
    if client is None and not captured:
        return direct.decide(mesh, request)
    found = sidecar.decide(mesh, client, request) if client is not None else waypoint.decide(mesh, request)
    return onward.follow(
        mesh, found, place, lambda view, own, sent: onward.requested(view, own, request, sent), by_waypoint=client is None
    )


def _connected(mesh: Mesh, client: Client | None, place: Place, connection: Connection, *, captured: bool) -> Decision:
    if client is None and not captured:
        return direct.connect(mesh, connection)
    found = (
        sidecar_connections.decide(mesh, client, connection)
        if client is not None
        else waypoint_connections.decide(mesh, connection)
    )
    return onward.follow(
        mesh, found, place, lambda view, own, _: sidecar_connections.decide(view, own, connection), by_waypoint=client is None
    )


def _is_captured(mesh: Mesh, mode: str, place: Place) -> bool:
    """Whether the caller's connections cross waypoints: ztunnel takes them there, or the gateway does."""
    return mode == injection.AMBIENT or (mode == GATEWAY and callers.opted_in(mesh, place))


def travel(mesh: Mesh, caller: Caller, place: Place, ask: Ask, service: authz.Called | None) -> Trip:
    """The whole way; `service` stands in where the mesh does not have the Service: then its pods are called directly."""
    return judged(mesh, Case(place, service, caller, ask), routed(mesh, caller, place, ask))


def judged(mesh: Mesh, case: Case, found: Decision) -> Trip:
    """The whole way of a request of which it is known where it is routed."""
    caller, place, ask = case.caller, case.place, case.ask
    mode = callers.mode(mesh, caller, place)
    if case.service is None:
        return Trip(mode, found, {})
    own = _here(mesh, case.service)
    call = authz.Call(
        _identified(mesh, caller, mode, place),
        own or case.service,
        place.port,
        authz.Request(ask.method, ask.path, ask.host, ask.headers, signed=True) if place.is_http else None,
        direct=ask.direct or own is None,
    )
    return Trip(mode, found, dict(_verdicts(mesh, call, found, (caller, mode))))


def _here(mesh: Mesh, service: authz.Called) -> authz.Called | None:
    if isinstance(service.body, Service):
        return mesh.find(Service, service.namespace, service.name, service.file)
    return mesh.find(ServiceEntry, service.namespace, service.name, service.file)


def _identified(mesh: Mesh, caller: Caller, mode: str, place: Place) -> authz.Caller:
    """An identity is what a proxy gives; workloads outside of both data planes have none."""
    if caller.kind == OUTSIDE or mode == injection.NONE:
        return authz.Caller(None, caller.ip)
    principal = f"{caller.domain or settings.trust_domain(mesh)}/ns/{caller.namespace}/sa/{caller.account}"
    return authz.Caller(principal, caller.ip, captured=_is_captured(mesh, mode, place))


def _verdicts(mesh: Mesh, call: authz.Call, found: Decision, who: tuple[Caller, str]) -> Iterator[tuple[str, authz.Decision]]:
    gateway = guard.crossed(mesh, call)
    first = guard.decide(mesh, call, gateway) if gateway else None
    onward = guard.onward(mesh, call, gateway) if gateway else call
    if call.direct and isinstance(call.service.body, Service):
        for workload, port in _pods(mesh, call, call.service):
            last = memory.at_workload(mesh, onward, workload, port)
            yield _named(workload), _wired(mesh, wires.Way(*who, None, workload, port), call, last)
        return
    for _, outcome in found.outcomes:
        if not outcome.backends:
            yield PROXY, _both(call, first, _answer(outcome))
        for backend in outcome.backends:
            name, port = backend.rpartition(":")[0], int(backend.rpartition(":")[2])
            reached = mesh.index(_by_name).get(name)
            if reached is not None:
                last = memory.at_workload(mesh, _received(onward, outcome), reached, port)
                yield _named(reached), _wired(mesh, wires.Way(*who, gateway, reached, port), call, _both(call, first, last))
            elif _is_outside(call):
                way = wires.Way(*who, gateway, None, port, name, outcome.through)
                yield backend, _wired(mesh, way, call, _both(call, first, _LET_IN))


def _is_outside(call: authz.Call) -> bool:
    """Whether nothing of the mesh stands before what is called: neither pods nor machines that it lists as its own."""
    body = call.service.body
    return isinstance(body, ServiceEntry) and body.spec.location == "MESH_EXTERNAL" and body.spec.workload_selector is None


def _answer(outcome: Outcome) -> authz.Decision:
    """What proxies answer themselves; an error of theirs is a refusal, whatever its status (conversion.md 9 STATUS)."""
    verdict = authz.Verdict.DENY if outcome.status >= 400 else authz.Verdict.ALLOW
    return authz.Decision(verdict, outcome.status)


def _wired(mesh: Mesh, way: wires.Way, call: authz.Call, found: authz.Decision) -> authz.Decision:
    """The decision unless NetworkPolicies cut a connection on the way; proxies answer for it with 503."""
    if found.verdict is authz.Verdict.DENY or not wires.is_cut(mesh, way):
        return found
    return authz.Decision(authz.Verdict.DENY, 503 if call.is_http else 0, found.path, because=wires.CUT)


def _pods(mesh: Mesh, call: authz.Call, service: Resource[Service]) -> Iterator[tuple[Workload, int]]:
    for workload in behind(mesh, service):
        port = target_port(call.service_port, workload) if call.service_port else None
        if port is not None:
            yield workload, port


def _by_name(mesh: Mesh) -> dict[str, Workload]:
    return {_named(each): each for each in workloads(mesh)}


def _named(workload: Workload) -> str:
    return f"{workload.namespace}/{workload.name}"


def _received(call: authz.Call, outcome: Outcome) -> authz.Call:
    """The call with the request as the backend gets it."""
    sent = outcome.request
    if call.request is None or sent is None:
        return call
    return replace(
        call, request=replace(call.request, method=sent.method, path=sent.path, host=sent.host, headers=sent.headers)
    )


def _both(call: authz.Call, first: authz.Decision | None, last: authz.Decision) -> authz.Decision:
    """The waypoint is asked before the workload; without a connection to the pod it answers 503."""
    if first is None:
        return last
    if first.verdict is authz.Verdict.DENY:
        return first
    if last.verdict is authz.Verdict.DENY:
        return replace(last, status=last.status or (503 if call.is_http else 0))
    strongest = last if last.verdict is authz.Verdict.ASK else first
    return replace(strongest, audit=first.audit or last.audit, providers=first.providers + last.providers)


def exists(mesh: Mesh, place: Place) -> bool:
    """Whether the mesh knows the place at all."""
    entry = registry.entries(mesh).get(place.host)
    return entry is not None and place.port in entry.ports
