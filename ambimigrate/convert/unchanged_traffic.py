"""Why nothing becomes of what steers traffic: DestinationRules, ServiceEntries, Gateways, networks, Sidecars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.checks.envoyfilter import shapes
from ambimigrate.converters import isolation, outgoing
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.subsets import destinationrules
from ambimigrate.kinds import (
    CalicoGlobalNetworkPolicy,
    CalicoNetworkPolicy,
    CalicoStoredGlobalNetworkPolicy,
    CalicoStoredNetworkPolicy,
    CiliumClusterwideNetworkPolicy,
    CiliumNetworkPolicy,
    DestinationRule,
    EnvoyFilter,
    Gateway,
    IstioGateway,
    NetworkPolicy,
    Service,
    ServiceEntry,
    Sidecar,
    WorkloadEntry,
    WorkloadGroup,
)
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, ingress, injection, meshconfig, reach, waypoints


class View(Struct, frozen=True):
    """The mesh, what it comes to, what was agreed to, and the namespaces that are held."""

    mesh: Mesh
    end: Mesh
    settings: Settings
    held: frozenset[str]


def is_served(mesh: Mesh, target: Resource[Any]) -> bool:
    """Whether a waypoint of the mesh serves a Service or ServiceEntry."""
    found = mesh.find(type(target.body), target.namespace, target.name, target.file)
    bound = waypoints.binding(mesh, found) if found else None
    return bound is not None and bound.fault is None


def is_of_old_istio(resource: Resource[EnvoyFilter]) -> bool:
    """Whether Istio itself installed the filter, for proxies that are gone."""
    return shapes.is_istios(resource)


def patches_sidecars(resource: Resource[EnvoyFilter]) -> bool:
    """Whether a patch reaches sidecars."""
    return any(shapes.of_sidecars(each) for each in resource.body.spec.config_patches)


def sidecar(view: View, resource: Resource[Sidecar]) -> str:
    """Sidecars go with the pods' own proxies, in their namespace."""
    if isolation.is_of_gateways(view.mesh, resource):
        return "it is for pods of gateways, which keep their proxy"
    if resource.namespace == meshconfig.root_namespace(view.mesh):
        return "it is for sidecars of all namespaces, and does nothing to ambient pods"
    return ""


def _destination_rule(view: View, rule: Resource[DestinationRule]) -> str:
    selector = rule.body.spec.workload_selector
    if selector and ingress.is_selected(view.mesh, rule.namespace, selector.match_labels):
        return "only gateways follow it, which keep their proxy"
    targets = tuple(_targets(view.mesh, rule))
    if not targets:
        return f"no Service and no ServiceEntry of the input has host {rule.body.spec.host}"
    if all(_is_gateway(view.mesh, each) for each in targets):
        return f"it is for calls to gateway {targets[0].name}"
    if served := [each.name for each in targets if is_served(view.end, each)]:
        return f"the waypoint of {reach.listed(served)} reads it"
    if not destinationrules.matters(rule.body):
        return "it only says which TLS sidecars speak, which HBONE replaces"
    if not any(reach.is_called(view.mesh, each) for each in targets):
        return f"{targets[0].name} is not in the mesh, and gateways follow it as before"
    return "" if rule.namespace in view.held else f"no waypoint serves {targets[0].name}, and ztunnel does not read it"


def _targets(mesh: Mesh, rule: Resource[DestinationRule]) -> Iterator[Resource[Any]]:
    host = rule.body.spec.host
    yield from hosts.services(mesh, host, rule.namespace, rule.file)
    yield from hosts.service_entries(mesh, host, rule.namespace)


def _is_gateway(mesh: Mesh, target: Resource[Any]) -> bool:
    return isinstance(target.body, Service) and ingress.is_gateway(mesh, target)


def _service_entry(view: View, entry: Resource[ServiceEntry]) -> str:
    if is_served(view.mesh, entry):
        return "a waypoint serves it already"
    if entry.body.spec.location != "MESH_EXTERNAL":
        return "its endpoints are inside of the mesh"
    if not reach.is_called(view.mesh, entry):
        return "no member of the mesh sees it"
    if entry in outgoing.needing(view.mesh, entry.namespace):
        return ""
    return "no rule about its calls needs a waypoint"


def _gateway(_view: View, gateway: Resource[Gateway]) -> str:
    return "it is a waypoint" if waypoints.is_waypoint(gateway.body) else "gateways of the Gateway API stay as they are"


def _istio_gateway(view: View, _gateway: Resource[IstioGateway]) -> str:
    return "" if view.settings.gateways else "gateways keep their proxy (--gateways converts it)"


def _network(view: View, policy: Resource[Any]) -> str:
    if injection.mode(view.mesh, policy.namespace) == injection.AMBIENT:
        return ""
    return "" if policy.namespace in view.held else "what ambient mode adds needs no change of it"


def _machine(_view: View, _resource: Resource[Any]) -> str:
    return "what runs outside of Kubernetes stays as it is"


_NETWORKS: tuple[type[Any], ...] = (
    NetworkPolicy,
    CiliumNetworkPolicy,
    CiliumClusterwideNetworkPolicy,
    CalicoNetworkPolicy,
    CalicoGlobalNetworkPolicy,
    CalicoStoredNetworkPolicy,
    CalicoStoredGlobalNetworkPolicy,
)
REASONS: Mapping[type[Any], Callable[[View, Resource[Any]], str]] = {
    DestinationRule: _destination_rule,
    ServiceEntry: _service_entry,
    Gateway: _gateway,
    IstioGateway: _istio_gateway,
    WorkloadEntry: _machine,
    WorkloadGroup: _machine,
    **dict.fromkeys(_NETWORKS, _network),
}
