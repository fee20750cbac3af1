"""Why nothing becomes of an object, kind by kind: what is true of it, not that nothing was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ambimigrate.convert import unchanged_traffic as traffic
from ambimigrate.convert.unchanged_traffic import View
from ambimigrate.converters import extensions, made, policies
from ambimigrate.converters.policies import refused
from ambimigrate.kinds import (
    AuthorizationPolicy,
    EnvoyFilter,
    PeerAuthentication,
    ProxyConfig,
    RequestAuthentication,
    Sidecar,
    Telemetry,
    TrafficExtension,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import gatewaypods, injection, mtls, ztunnel
from ambimigrate.topology import policies as meant
from ambimigrate.topology.workloads import selected
from ambimigrate.versions import at_least

NOTHING = "there is nothing about it to change"
_OUTSIDE = "its namespace is not in the mesh"
_AMBIENT = "its namespace is ambient already"
_TARGETED = "it has targetRefs, which mean the same in ambient mode"
_GATEWAYS = "its pods are gateways, which keep their proxy"
_NOBODY = "it means no pod that becomes ambient"
_BY_SELECTOR = frozenset(
    {
        AuthorizationPolicy,
        RequestAuthentication,
        PeerAuthentication,
        EnvoyFilter,
        WasmPlugin,
        TrafficExtension,
        Telemetry,
        ProxyConfig,
    }
)


def is_wide(mesh: Mesh, resource: Resource[Any]) -> bool:
    """Whether it holds for more namespaces than its own: it is in the root namespace, or in none."""
    return not resource.namespace or meant.is_root(mesh, resource)


def reason(view: View, resource: Resource[Any]) -> str:
    """Why the object stays as it is; empty if none of these reasons holds."""
    if made.is_ours(resource):
        return "ambimigrate made it"
    own = _OF.get(type(resource.body))
    if not is_wide(view.mesh, resource) and not injection.is_meshed(view.mesh, resource.namespace):
        return _OUTSIDE
    if type(resource.body) in _BY_SELECTOR and (found := _of_selector(view, resource)):
        return found
    found = own(view, resource) if own else ""
    return found or (_AMBIENT if injection.mode(view.mesh, resource.namespace) == injection.AMBIENT else "")


def _of_selector(view: View, policy: Resource[Any]) -> str:
    """What a policy means decides, whatever it says."""
    mesh, labels = view.mesh, meant.selector(policy)
    if meant.targets(policy):
        return _TARGETED
    scope = meant.scope(mesh, policy)
    if labels and not scope.workloads:
        found = [each for name in meant.namespaces(mesh, policy) for each in selected(mesh, name, labels)]
        if meant.is_of_gateways(mesh, labels) or any(id(each) in gatewaypods.members(mesh) for each in found):
            return _GATEWAYS
    return "" if scope.concerns else _unmeant(mesh, policy)


def _unmeant(mesh: Mesh, policy: Resource[Any]) -> str:
    return mesh.index(_alone).get(id(policy), _NOBODY)


def _alone(mesh: Mesh) -> Mapping[int, str]:
    return {id(policy): said for policy, said in policies.untouched(mesh)}


# --- kind by kind -----------------------------------------------------------------------------------------------------


def _authorization(view: View, policy: Resource[AuthorizationPolicy]) -> str:
    spec = policy.body.spec
    if said := view.mesh.index(_alone).get(id(policy)):
        return said
    if not refused.is_valid(view.mesh, policy):
        return "Istio refuses it as it stands, or its authorizer is not configured"
    if ztunnel.is_dry_run(policy.body) or spec.action == "AUDIT":
        return "it refuses and admits nobody"
    if not ztunnel.uses_l7(policy.body) and spec.action != "CUSTOM":
        return "ztunnel carries it out as it stands"
    return ""


def _tokens(_view: View, policy: Resource[RequestAuthentication]) -> str:
    return "" if policy.body.spec.jwt_rules else "it has no jwtRules, so it validates no token"


def _mutual(_view: View, peer: Resource[PeerAuthentication]) -> str:
    spec = peer.body.spec
    modes = [spec.mtls.mode if spec.mtls else "", *(each.mode for each in spec.port_level_mtls.values())]
    return "ztunnel enforces its modes as they stand" if mtls.DISABLE not in modes else "ztunnel takes DISABLE as PERMISSIVE"


def _extension(view: View, resource: Resource[Any]) -> str:
    since = extensions.EXTENSIONS_SINCE
    if isinstance(resource.body, TrafficExtension) and not at_least(view.mesh.target.istio, since):
        return f"Istio {view.mesh.target.istio} does not know its kind (since {since})"
    return ""


def _telemetry(view: View, resource: Resource[Telemetry]) -> str:
    if not meant.selector(resource):
        return "without a selector waypoints follow it, too"
    served = any(traffic.is_served(view.end, each) for each in meant.scope(view.mesh, resource).services)
    return "" if served else "no waypoint serves its pods, and ztunnel reads no Telemetry"


def _envoy(_view: View, resource: Resource[EnvoyFilter]) -> str:
    if traffic.is_of_old_istio(resource):
        return "Istio up to 1.17 installed it, and it does nothing to newer proxies"
    return "" if traffic.patches_sidecars(resource) else "it patches gateways only, which keep their proxy"


def _proxy(_view: View, _resource: Resource[ProxyConfig]) -> str:
    return "only proxies read it, and ambient pods have none"


_OF: Mapping[type[Any], Callable[[View, Resource[Any]], str]] = {
    AuthorizationPolicy: _authorization,
    RequestAuthentication: _tokens,
    PeerAuthentication: _mutual,
    WasmPlugin: _extension,
    TrafficExtension: _extension,
    Telemetry: _telemetry,
    EnvoyFilter: _envoy,
    ProxyConfig: _proxy,
    Sidecar: traffic.sidecar,
    **traffic.REASONS,
}
KINDS: tuple[type[Any], ...] = (VirtualService, *_OF)
