"""WP012: what istiod says in the status of Gateways, Services, policies and routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import (
    AuthorizationPolicy,
    Gateway,
    GRPCRoute,
    HTTPRoute,
    RequestAuthentication,
    Service,
    Telemetry,
    WasmPlugin,
)
from ambimigrate.kinds.status import StatusCondition, condition
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import waypoints

_BAD = "False"
# Conditions of Istio's own (pilot/pkg/model/status.go); ZtunnelAccepted alone does not tell what is enforced, see PO23.
_OF_POLICIES = "WaypointAccepted"
_OF_ROUTES = ("Accepted", "ResolvedRefs", "ResolvedWaypoints")
_ISTIO = "istio.io/"


@rule("WP012", Gateway, Service, AuthorizationPolicy, RequestAuthentication, WasmPlugin, Telemetry, HTTPRoute, GRPCRoute)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    del mesh
    body = resource.body
    place = resource.at("status")
    if isinstance(body, Gateway):
        found = condition(body.status.conditions, "Programmed")
        if body.spec.gateway_class_name == waypoints.CLASS and found and found.status != "True":
            yield Hit(
                place, f"fails open: waypoint {resource.name} is not programmed, and nobody uses it{_why(found)}", "gateway"
            )
    elif isinstance(body, Service):
        found = condition(body.status.conditions, "istio.io/WaypointBound")
        if found and found.status == _BAD:
            yield Hit(place, f"fails open: {resource.ref} is bound to no waypoint{_why(found)}", "service")
    elif isinstance(body, HTTPRoute | GRPCRoute):
        yield from _route(resource)
    else:
        found = condition(body.status.conditions, _OF_POLICIES)
        if found and found.status == _BAD:
            yield Hit(place, f"fails open: no waypoint enforces {resource.ref}{_why(found)}", "policy")


def _route(route: Resource[Any]) -> Iterator[Hit]:
    for number, parent in enumerate(route.body.status.parents):
        if not parent.controller_name.startswith(_ISTIO):
            continue
        for name in _OF_ROUTES:
            found = condition(parent.conditions, name)
            if found and found.status == _BAD:
                said = f"{route.ref} has no effect at {parent.parent_ref.kind} {parent.parent_ref.name}: {name} is False"
                yield Hit(route.at("status", "parents", number), said + _why(found), "route")
                break


def _why(found: StatusCondition) -> str:
    text = " ".join(found.message.split())
    told = f"{text[:100]}…" if len(text) > 100 else text
    return f" ({': '.join(each for each in (found.reason, told) if each)})" if found.reason or told else ""
