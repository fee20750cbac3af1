"""Routes from one Service to another: behind the first one's waypoint nobody asks the second one's policies (A25)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.changes import Held
from ambimigrate.converters.outcome import Refused, held
from ambimigrate.kinds import RequestAuthentication, Service, VirtualService
from ambimigrate.kinds.routes import HTTPRule
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import hosts, policies
from ambimigrate.topology.virtualservices import is_of_mesh

SPLIT = "AP901"


def holding(mesh: Mesh, namespace: str) -> Iterator[Held]:
    """The routes of Services of the namespace to Services that other policies judge."""
    for door, vs in mesh.index(_doors).get(namespace, ()):
        yield from _of_door(mesh, door, vs)


def _doors(mesh: Mesh) -> dict[str, tuple[tuple[Resource[Service], Resource[VirtualService]], ...]]:
    """The Services that a VirtualService routes, with it, by namespace."""
    own = [each for each in mesh.of(VirtualService) if is_of_mesh(each.body) and each.body.spec.http]
    named = ((vs, host) for vs in own for host in vs.body.spec.hosts)
    found = ((door, vs) for vs, host in named for door in hosts.services(mesh, host, vs.namespace, vs.file))
    return grouped((door.namespace, (door, vs)) for door, vs in found)


def _of_door(mesh: Mesh, door: Resource[Service], vs: Resource[VirtualService]) -> Iterator[Held]:
    known = mesh.index(_judging)
    own = known.get(id(door), ())
    for number, rule in enumerate(vs.body.spec.http):
        for target in _targets(mesh, vs, rule):
            others = known.get(id(target), ())
            missed = next((each for each in others if each not in own), None)
            more = next((each for each in own if each not in others), None)
            if target is not door and (missed or more):
                words = f"past {missed.ref}: the waypoint asks policies of {door.name} only" if missed else _stricter(more)
                reason = f"it leads requests for {door.name} to {target.name}, {words}"
                yield _held(mesh, door, vs, number, reason)


def _judging(mesh: Mesh) -> Mapping[int, tuple[Resource[Any], ...]]:
    """The policies and the checks of tokens that mean pods behind a Service, by its identity."""
    found: list[tuple[int, Resource[Any]]] = [
        (key, each) for key, members in policies.by_service(mesh).items() for each in members
    ]
    checks = (each for each in mesh.of(RequestAuthentication) if each.body.spec.jwt_rules)
    found += [(id(service), each) for each in checks for service in policies.scope(mesh, each).services]
    return grouped(found)


def _stricter(more: Resource[Any] | None) -> str:
    return f"where {more.ref} does not hold today" if more else ""


def _held(mesh: Mesh, door: Resource[Service], vs: Resource[VirtualService], number: int, reason: str) -> Held:
    port = next((each.port for each in door.body.spec.ports), 80)
    witness = f"a request to {door.name}:{port} that http[{number}] of {vs.name} sends on"
    return held(mesh, vs, SPLIT, Refused("door", ("spec", "http", number), reason, witness), door.namespace)


def _targets(mesh: Mesh, vs: Resource[VirtualService], rule: HTTPRule) -> Iterator[Resource[Service]]:
    named = [each.destination for each in rule.route] + [each.destination for each in rule.mirrors]
    named += [rule.mirror] if rule.mirror else []
    found = {each.host: hosts.service(mesh, each.host, vs.namespace, vs.file) for each in named}
    yield from (each for each in found.values() if each is not None)
