"""What the waypoint of a Service decides: before routing, for the Service's port, about the original caller."""

from __future__ import annotations

from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy, Gateway, RequestAuthentication, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.authz import attach, chain, settings
from ambimigrate.semantics.authz.attributes import View
from ambimigrate.semantics.authz.model import Call, Caller, Decision, Hop, Verdict
from ambimigrate.semantics.authz.sidecar import received, remote_ip
from ambimigrate.topology import hosts, waypoints
from ambimigrate.topology.meshconfig import root_namespace
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.workloads import matches

CONNECT_PORT = 15008
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def crossed(mesh: Mesh, call: Call) -> Resource[Gateway] | None:
    """The waypoint that the call crosses: if the caller is captured, calls the Service's address, and it is bound."""
    if not call.caller.captured or call.direct:
        return None
    if isinstance(call.service.body, Service) and hosts.is_headless(call.service):
        return None
    found = waypoints.binding(mesh, call.service)
    return found.gateway if found is not None and found.fault is None else None


def identity(mesh: Mesh, gateway: Resource[Gateway]) -> str:
    return f"{settings.trust_domain(mesh)}/ns/{gateway.namespace}/sa/{gateway.name}"


def onward(mesh: Mesh, call: Call, gateway: Resource[Gateway]) -> Call:
    """The call as it leaves the waypoint: in the waypoint's name and from its address."""
    return replace(call, caller=Caller(identity(mesh, gateway), captured=True))


def decide(mesh: Mesh, call: Call, gateway: Resource[Gateway]) -> Decision:
    """The decision of the Service's filter chain.

    The direct peer of that chain is no IP address, so nothing about it matches (conversion.md 5.4).
    """
    path = (Hop("waypoint", f"{gateway.namespace}/{gateway.name}", call.caller.principal),)
    connect = _connect(mesh, call, gateway)
    if connect.verdict is Verdict.DENY:
        return replace(connect, path=path)
    view = View(call.caller.principal, None, remote_ip(call), call.service_ip, call.port, received(mesh, call))
    tokens = attach.token_rules(attach.of_service(mesh, RequestAuthentication, call.service, gateway))
    bound = chain.Chain(attach.of_service(mesh, AuthorizationPolicy, call.service, gateway), tokens)
    return replace(chain.decide(mesh, bound, view, call.now), path=path)


def _connect(mesh: Mesh, call: Call, gateway: Resource[Gateway]) -> Decision:
    """What policies of the waypoint's own pod say about the tunnel, if the switch for them is on."""
    if not settings.is_on(mesh, settings.LAYERED):
        return Decision(Verdict.ALLOW, 200)
    labels = {**copied_labels(gateway.body), GATEWAY_NAME: gateway.name}
    policies = tuple(
        each
        for each in attach.living_in(mesh, AuthorizationPolicy, gateway.namespace, root_namespace(mesh))
        if not attach.target_refs(each.body.spec)
        and (each.body.spec.selector is None or matches(each.body.spec.selector.match_labels, labels))
    )
    view = View(call.caller.principal, call.caller.ip, call.caller.ip, None, CONNECT_PORT)
    return chain.decide(mesh, chain.Chain(policies), view)
