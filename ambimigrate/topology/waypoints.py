"""Waypoints: which Gateways are one, which Service is bound to which, and whether that binding works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import Gateway, Namespace, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import injection, selectors

CLASS = "istio-waypoint"
USE = "istio.io/use-waypoint"
USE_NAMESPACE = "istio.io/use-waypoint-namespace"
FOR = "istio.io/waypoint-for"
INGRESS_USE = "istio.io/ingress-use-waypoint"


class Binding(Struct, frozen=True, eq=False):
    """The waypoint that an object asks for: by its own label or its namespace's. `gateway` is None if it is not in the input.

    `fault` says why the binding does not work, None if it does as far as the input shows.
    """

    namespace: str
    name: str
    label_on: Resource[Any]
    gateway: Resource[Gateway] | None
    fault: str | None


def waypoints(mesh: Mesh) -> tuple[Resource[Gateway], ...]:
    """The Gateways of class istio-waypoint."""
    return tuple(each for each in mesh.of(Gateway) if is_waypoint(each.body))


def is_waypoint(gateway: Gateway) -> bool:
    return gateway.spec.gateway_class_name == CLASS


def binding(mesh: Mesh, service: Resource[Any]) -> Binding | None:
    """The binding of a Service (or ServiceEntry), None if it asks for no waypoint or says `none`."""
    return mesh.once(_binding, service)


def _binding(mesh: Mesh, service: Resource[Any]) -> Binding | None:
    own = service.body.metadata.labels
    if USE in own:
        return _resolved(mesh, service, own, service)
    found = injection.namespaces(mesh).get(service.namespace)
    if found and USE in found.body.metadata.labels:
        return _resolved(mesh, service, found.body.metadata.labels, found)
    return None


def namespace_binding(mesh: Mesh, namespace: Resource[Namespace]) -> Binding | None:
    """The binding that a Namespace gives to what is in it."""
    labels = namespace.body.metadata.labels
    return _resolved(mesh, namespace, labels, namespace) if USE in labels else None


def _resolved(mesh: Mesh, asking: Resource[Any], labels: Mapping[str, str], holder: Resource[Any]) -> Binding | None:
    name = labels[USE]
    if name == "none":
        return None
    own = asking.name if isinstance(asking.body, Namespace) else asking.namespace
    namespace = labels.get(USE_NAMESPACE, own)
    gateway = mesh.find(Gateway, namespace, name, asking.file)
    return Binding(namespace, name, holder, gateway, _fault(mesh, gateway, namespace, name, own))


def _fault(mesh: Mesh, gateway: Resource[Gateway] | None, namespace: str, name: str, own: str) -> str | None:
    if gateway is None:
        return f"there is no Gateway {namespace}/{name}"
    if not is_waypoint(gateway.body):
        return f"Gateway {namespace}/{name} is of class {gateway.body.spec.gateway_class_name}, which is no waypoint"
    serves = gateway.body.metadata.labels.get(FOR, "service")
    if serves not in {"service", "all"}:
        return f"Gateway {namespace}/{name} is for {serves}, not for Services"
    if namespace != own and not admits(mesh, gateway, own):
        return f"the listeners of Gateway {namespace}/{name} do not admit namespace {own}"
    return None


def admits(mesh: Mesh, gateway: Resource[Gateway], namespace: str) -> bool:
    """Whether a listener's `allowedRoutes` lets objects of the namespace use the waypoint (default: its own only)."""
    for listener in gateway.body.spec.listeners:
        allowed = listener.allowed_routes.namespaces if listener.allowed_routes else None
        origin = allowed.from_ if allowed else "Same"
        if origin == "All" or (origin == "Same" and gateway.namespace == namespace):
            return True
        if origin == "Selector" and allowed and allowed.selector:
            labels = {"kubernetes.io/metadata.name": namespace, **injection.labels(mesh, namespace)}
            if selectors.selects(allowed.selector, labels):
                return True
    return False


def is_bound(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether a waypoint serves the Service, as far as the input shows."""
    found = binding(mesh, service)
    return found is not None and found.fault is None
