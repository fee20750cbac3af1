"""Default retries and hashing: a sidecar has them everywhere, a waypoint where a rule or a route speaks for the port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate.changes import Change, Edit, Held, Set, Stage
from ambimigrate.converters.apply import after
from ambimigrate.converters.outcome import Account, Outcome, Refused, held
from ambimigrate.converters.routing.defaults import MERGING, RETRYING, to_itself
from ambimigrate.converters.routing.flat import flatten, speaks
from ambimigrate.converters.routing.hashing import is_hashed
from ambimigrate.converters.routing.routed import routing
from ambimigrate.converters.routing.subjects import Subject
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import injection, reach, waypoints
from ambimigrate.topology.protocols import carries_http
from ambimigrate.topology.virtualservices import MESH, is_of_gateway
from ambimigrate.versions import at_least
from ambimigrate.yamlio.trees import edited

SPOKEN, LOST = "VS917", "VS919"


# --- a VirtualService that says nothing for a port ------------------------------------------------------------------


def spoken(vs: Resource[VirtualService], subjects: tuple[Subject, ...], mesh: Mesh) -> tuple[Edit, ...]:
    """The rule by which the VirtualService speaks for all ports; it changes nothing at sidecars. Raises Refused."""
    if at_least(mesh.target.istio, *RETRYING) and not any(is_hashed(mesh, each.service) for each in subjects):
        return ()
    flat = flatten(vs, mesh, Account())
    for subject in subjects:
        ports = [each.port for each in subject.service.body.spec.ports if carries_http(each)]
        silent = [port for port in ports if not speaks(flat, port)]
        if silent and len(subjects) > 1:
            where = f"port {silent[0]} of {subject.host}"
            reason = f"it has no rule for {where}, and without one Istio {mesh.target.istio} retries otherwise"
            raise Refused("ports", subject.place, reason)
        if silent:
            return (Set(("spec", "http", len(vs.body.spec.http)), _rule(vs, subject, silent)),)
    return ()


def _rule(vs: Resource[VirtualService], subject: Subject, ports: Iterable[int]) -> dict[str, Any]:
    limited = {"gateways": [MESH]} if is_of_gateway(vs.body) else {}
    return {"match": [{"port": port, **limited} for port in ports], "route": [{"destination": {"host": subject.host}}]}


def speaking(vs: Resource[VirtualService], edits: tuple[Edit, ...]) -> Resource[VirtualService]:
    """The VirtualService with the rule."""
    tree = msgspec.to_builtins(vs.body)
    for edit in edits:
        tree = edited(tree, edit)
    return replace(vs, body=msgspec.convert(tree, VirtualService))


# --- a Service that nothing routes ----------------------------------------------------------------------------------


def serve(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """A route to itself for each Service that is to be bound and that nothing routes (conversion 2.6).

    Default routes of waypoints do not hash up to Istio 1.30, and later retry in another way if they do (istio#61045).
    """
    changes: list[Change] = []
    refusals: list[Held] = []
    for service in _unrouted(mesh, namespace, plan):
        if at_least(mesh.target.istio, *RETRYING) and not is_hashed(mesh, service):
            continue
        ports = [each.port for each in service.body.spec.ports if carries_http(each)]
        if not _reads_one(mesh, ports):
            changes += [_route(mesh, service, port, ports) for port in ports]
        elif not settings.accepts(LOST, service):
            refusals.append(held(mesh, service, LOST, _lost(mesh, service, ports)))
    return Outcome(tuple(changes), tuple(refusals))


def _reads_one(mesh: Mesh, ports: list[int]) -> bool:
    """Whether no route can speak for all ports, since one list of routes counts for the Service."""
    return len(ports) > 1 and not at_least(mesh.target.istio, *MERGING)


def named(mesh: Mesh, namespace: str, plan: Plan, found: Outcome, settings: Settings) -> Outcome:
    """The outcome, with what binds Services to waypoints marked as different where they lose retries by agreement."""
    lost: dict[Ref, str | None] = {}
    for service in _unrouted(mesh, namespace, plan):
        ports = [each.port for each in service.body.spec.ports if carries_http(each)]
        if settings.accepts(LOST, service) and _reads_one(mesh, ports):
            lost[service.ref] = _lost(mesh, service, ports).witness
    begins = Stage.bind if any(each.stage is Stage.bind for each in found.changes) else Stage.enroll  # bound before we came
    return replace(found, changes=tuple(_marked(each, begins, lost) for each in found.changes)) if lost else found


def _marked(change: Change, begins: Stage, lost: Mapping[Ref, str | None]) -> Change:
    """The label of a Service is about that one, the labels of its Namespace are about all."""
    if change.stage is not begins or (change.ref.kind != "Namespace" and change.ref not in lost):
        return change
    witness = lost.get(change.ref) or next(iter(lost.values()))
    return replace(change, verdict="differs", because=(*change.because, LOST), witness=change.witness or witness)


def _unrouted(mesh: Mesh, namespace: str, plan: Plan) -> Iterator[Resource[Service]]:
    """Those that are bound already count as long as sidecars retry for their callers."""
    is_done = injection.mode(mesh, namespace) == injection.AMBIENT
    for place in sorted(plan.by_service):
        service = mesh.find(Service, *place)
        if service is None or service.namespace != namespace or (is_done and waypoints.is_bound(mesh, service)):
            continue
        if not routing(mesh, service) and not reach.mesh_routes(mesh, service):
            yield service


def unretried(mesh: Mesh, changes: Iterable[Change]) -> Iterator[Resource[Service]]:
    """Services that are bound to a waypoint today and that nothing routes once the changes are made, up to Istio 1.30.2."""
    if at_least(mesh.target.istio, *RETRYING):
        return
    bound = [
        each for each in mesh.of(Service) if waypoints.is_bound(mesh, each) and any(map(carries_http, each.body.spec.ports))
    ]
    end = after(mesh, (each for each in changes if each.mesh == mesh.name)) if bound else mesh
    for service in bound:
        later = end.find(Service, service.namespace, service.name, service.file) or service
        is_silent = not routing(end, later) and not reach.mesh_routes(end, later)
        if is_silent and injection.mode(mesh, service.namespace) != injection.AMBIENT:
            yield service


def _lost(mesh: Mesh, service: Resource[Service], ports: list[int]) -> Refused:
    reason = f"Istio {mesh.target.istio} reads one list of routes, so no route can retry on ports {ports[0]} and {ports[1]}"
    witness = f"a call to {service.name}:{ports[0]} whose connection is refused: tried again twice today, not by a waypoint"
    return Refused("default", ("spec", "ports"), reason, witness)


def _route(mesh: Mesh, service: Resource[Service], port: int, ports: list[int]) -> Change:
    to = {"group": "", "kind": "Service", "name": service.name, "namespace": service.namespace}
    return to_itself(mesh, service, to, port, several=len(ports) > 1)
