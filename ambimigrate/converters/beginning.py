"""Policies of a waypoint that judge nobody yet: sidecars pass waypoints by, so they begin to judge as callers move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import FROM, Change, Stage
from ambimigrate.converters.apply import after
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service
from ambimigrate.kinds.shared import TargetRef
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import meshconfig, policies, waypoints

BEGINS = "NS910"
_MOVES = (Stage.bind, Stage.enroll)
Found = tuple[Resource[Any], Resource[Service]]


def beginning(mesh: Mesh, changes: Iterable[Change]) -> Iterator[Found]:
    """Each policy with a Service whose waypoint carries it out, once the changes are made.

    Istio, pilot/pkg/networking/core/endpoint_builder.go `findServiceWaypoint`: sidecars do not use waypoints.
    """
    standing = mesh.index(_standing)
    if not standing:
        return
    end = after(mesh, (each for each in changes if each.mesh == mesh.name))
    for policy in standing:
        served = next((each for each in end.of(Service) if _is_judged(end, policy, each)), None)
        if served is not None:
            yield policy, served


def _standing(mesh: Mesh) -> tuple[Resource[Any], ...]:
    found = (*mesh.of(AuthorizationPolicy), *mesh.of(RequestAuthentication))
    return tuple(each for each in found if FROM not in each.body.metadata.annotations and policies.targets(each))


def _is_judged(mesh: Mesh, policy: Resource[Any], service: Resource[Service]) -> bool:
    """Whether calls of the Service cross a waypoint that carries out the policy."""
    found = waypoints.binding(mesh, service)
    if found is None or found.fault:
        return False
    return any(_means(mesh, policy, ref, service, (found.namespace, found.name)) for _, ref in policies.targets(policy))


def _means(mesh: Mesh, policy: Resource[Any], ref: TargetRef, service: Resource[Service], waypoint: tuple[str, str]) -> bool:
    match ref.kind:
        case "Service":
            return (policy.namespace, ref.name) == (service.namespace, service.name)
        case "Gateway":
            return (policy.namespace, ref.name) == waypoint
        case "GatewayClass":
            return policy.namespace == meshconfig.root_namespace(mesh) and ref.name == waypoints.CLASS
    return False


def named(mesh: Mesh, made: Outcome, settings: Settings) -> Outcome:
    """The outcome, its binding and enrolment marked as different where policies that begin to judge were agreed to."""
    agreed = [each for each in mesh.index(_standing) if settings.accepts(BEGINS, each)]
    if not agreed:
        return made
    first = {stage: next((each for each in made.changes if each.stage is stage), None) for stage in _MOVES}
    return replace(
        made, changes=tuple(_marked(each, agreed) if each is first.get(each.stage) else each for each in made.changes)
    )


def _marked(change: Change, agreed: list[Resource[Any]]) -> Change:
    words = ", ".join(f"{each.kind} {each.namespace}/{each.name}" for each in agreed)
    return replace(
        change,
        verdict="differs",
        because=(*change.because, BEGINS),
        sources=tuple(dict.fromkeys((*change.sources, *(each.at() for each in agreed)))),
        witness=f"a call from a pod here to a Service that {words} is for: only ztunnel crosses its waypoint",
    )
