"""Which traffic comes through a gateway, and which selectors mean the pods of gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds import Gateway, Ingress, Service, VirtualService
from ambimigrate.kinds.gatewayapi import ParentRef
from ambimigrate.kinds.routes import HTTPRule, TCPRule, TLSRule
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import gatewaypods, hosts, injection, meshconfig, reach, waypoints
from ambimigrate.topology.workloads import behind, matches, selected, selected_anywhere

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
SHORT_NAME = "istio.io/gateway-name"
CLASS = "kubernetes.io/ingress.class"


def to(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[Any], ...]:
    """The objects by which gateways route to the Service: VirtualServices and routes of the Gateway API."""
    return mesh.index(_by_service).get((service.namespace, service.name), ())


def _by_service(mesh: Mesh) -> Mapping[tuple[str, str], tuple[Resource[Any], ...]]:
    found = grouped(_published(mesh))
    return {name: reach.once(objects) for name, objects in found.items()}


def _published(mesh: Mesh) -> Iterator[tuple[tuple[str, str], Resource[Any]]]:
    """Every Service, by namespace and name, with an object by which a gateway routes to it."""
    for vs in mesh.of(VirtualService):
        services = (hosts.service(mesh, host, vs.namespace, vs.file) for host in _destinations(mesh, vs))
        yield from (((each.namespace, each.name), vs) for each in services if each)
    for route in reach.routes(mesh):
        if any(is_gateway_parent(mesh, ref, route) for ref in route.body.spec.parent_refs):
            backends = (each for rule in route.body.spec.rules for each in rule.backend_refs)
            yield from (((each.namespace or route.namespace, each.name), route) for each in backends)
    for ingress in mesh.of(Ingress):
        if "istio" in {ingress.body.spec.ingress_class_name, ingress.body.metadata.annotations.get(CLASS)}:
            yield from (((ingress.namespace, name), ingress) for name in published(ingress.body))


def published(ingress: Ingress) -> Iterator[str]:
    """The names of the Services that an Ingress publishes."""
    paths = (path.backend for rule in ingress.spec.rules if rule.http for path in rule.http.paths)
    yield from (each.service.name for each in (*paths, ingress.spec.default_backend) if each and each.service)


def is_gateway_parent(mesh: Mesh, ref: ParentRef, route: Resource[Any]) -> bool:
    """Whether a parentRef names a Gateway that is no waypoint."""
    if ref.kind != "Gateway":
        return False
    gateway = mesh.find(Gateway, ref.namespace or route.namespace, ref.name, route.file)
    return gateway is None or not waypoints.is_waypoint(gateway.body)


def _destinations(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[str]:
    """The hosts to which the rules of a VirtualService send what comes through a gateway, delegates included."""
    spec = vs.body.spec
    if all(each == "mesh" for each in spec.gateways):
        return
    rules: tuple[HTTPRule | TCPRule | TLSRule, ...] = (*spec.http, *spec.tcp, *spec.tls)
    for rule in rules:
        if not (rule.match and all(match.gateways and set(match.gateways) == {"mesh"} for match in rule.match)):
            yield from (each.destination.host for each in rule.route)
    for http in spec.http:
        yield from _delegated(mesh, vs, http)


def _delegated(mesh: Mesh, vs: Resource[VirtualService], rule: HTTPRule) -> Iterator[str]:
    if rule.delegate is None:
        return
    found = mesh.find(VirtualService, rule.delegate.namespace or vs.namespace, rule.delegate.name, vs.file)
    for http in found.body.spec.http if found else ():
        yield from (hosts.full_name(each.destination.host, rule.delegate.namespace or vs.namespace) for each in http.route)


def is_selected(mesh: Mesh, namespace: str, selector: Mapping[str, str]) -> bool:
    """Whether a selector means gateway pods only (waypoints included); in the root namespace it spans the mesh."""
    if not selector:
        return False
    if GATEWAY_NAME in selector or SHORT_NAME in selector:
        return True
    if namespace == meshconfig.root_namespace(mesh):
        pods = selected_anywhere(mesh, selector)
    else:
        pods = selected(mesh, namespace, selector)
    if pods:
        return all(injection.is_gateway(each) for each in pods)
    if "gateway" in selector.get("istio", ""):
        return True
    return any(matches(selector, each) for each in gatewaypods.selectors(mesh))


def is_gateway(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether gateway pods are behind the Service: by its workloads, else by its selector."""
    pods = behind(mesh, service)
    if pods:
        return all(injection.is_gateway(each) for each in pods)
    return is_selected(mesh, service.namespace, service.body.spec.selector)
