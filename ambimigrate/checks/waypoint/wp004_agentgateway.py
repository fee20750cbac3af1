"""WP004: waypoints of the agentgateway class, which apply none of Istio's own configuration."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    EnvoyFilter,
    Gateway,
    RequestAuthentication,
    Telemetry,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies

SECURITY = (AuthorizationPolicy, RequestAuthentication, WasmPlugin, EnvoyFilter)
TRAFFIC = (VirtualService, DestinationRule, Telemetry)


@rule("WP004", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    if gateway.body.spec.gateway_class_name != attachment.AGENTGATEWAY:
        return
    where = gateway.at("spec", "gatewayClassName")
    secured = [str(each.ref) for kind in SECURITY for each in mesh.within(kind, gateway.namespace)]
    routed = [str(each.ref) for kind in TRAFFIC for each in mesh.within(kind, gateway.namespace)]
    said = f"class {attachment.AGENTGATEWAY} is configured by the Gateway API only and does not apply"
    if secured:
        yield Hit(where, f"fails open: {said} {policies.listed([*secured, *routed])}", "security")
    elif routed:
        yield Hit(where, f"{said} {policies.listed(routed)}", "traffic")
    else:
        yield Hit(where, f"{said} any VirtualService, DestinationRule or policy of Istio", "bare")
