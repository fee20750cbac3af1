"""MC006: a Service, or a namespace, that two clusters of one mesh share under one name and set up in different ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.multicluster.clusters import cluster, linked
from ambimigrate.kinds import Namespace, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, injection, meshconfig, waypoints

GLOBAL = "istio.io/global"


@rule("MC006", Service, Namespace)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    for peer in linked(mesh) if mesh.peers and not injection.is_system(mesh, resource.namespace or resource.name) else ():
        if isinstance(resource.body, Namespace):
            yield from _namespace(resource, mesh, peer)
        elif (other := peer.find(Service, resource.namespace, resource.name)) is not None:
            yield from _service(resource, other, mesh, peer)


def _namespace(namespace: Resource[Namespace], mesh: Mesh, peer: Mesh) -> Iterator[Hit]:
    modes = injection.mode(mesh, namespace.name), injection.mode(peer, namespace.name)
    apart = cluster(mesh).network != cluster(peer).network
    if modes == (injection.SIDECAR, injection.AMBIENT) and namespace.name in injection.namespaces(peer) and apart:
        said = f"{namespace.name} is on sidecars in {mesh.name} and ambient in {peer.name}: calls of sidecars to ambient pods"
        yield Hit(
            namespace.at("metadata", "labels"), f"{said} of another network were answered by 503 before Istio 1.29", "mode"
        )


def _service(own: Resource[Service], its: Resource[Service], mesh: Mesh, peer: Mesh) -> Iterator[Hit]:
    """Both say the same words, so that what concerns both is one finding in a cluster's report."""
    labels = own.at("metadata", "labels")
    (first, one), (second, other) = sorted(((mesh, own), (peer, its)), key=lambda each: each[0].name)
    if hosts.is_headless(one) != hosts.is_headless(other):
        said = f"{own.ref} is headless in one of {first.name} and {second.name} only: a waypoint needs an address in both"
        yield Hit(own.at("spec", "clusterIP"), said, "ports")
    found = _ports(one), _ports(other)
    if found[0] != found[1]:
        port = min(port for port in {*found[0], *found[1]} if found[0].get(port) != found[1].get(port))
        told = f"{found[0].get(port, 'none')} in {first.name} and {found[1].get(port, 'none')} in {second.name}"
        yield Hit(own.at("spec", "ports"), f"port {port} of {own.ref} is {told}: calls differ by where they start", "ports")
    if _is_global(one) != _is_global(other) and not any(map(_are_scoped, (first, second))):
        names = (first.name, second.name) if _is_global(one) else (second.name, first.name)
        said = f"{own.ref} is {GLOBAL} in {names[0]} and not in {names[1]}"
        yield Hit(labels, f"{said}: ambient pods see the other cluster's endpoints from one side only", "scope")
    bound = _waypoint(first, one), _waypoint(second, other)
    if bound[0] != bound[1]:
        said = f"the waypoint of {own.ref} is {bound[0]} in {first.name} and {bound[1]} in {second.name}"
        yield Hit(labels, f"{said}: istiod takes for granted that it is the same in all clusters", "waypoint")


def _ports(service: Resource[Service]) -> dict[int, str]:
    """What the sidecars and waypoints of a cluster take each port for (Istio, pkg/config/kube/conversion.go)."""
    found = {}
    for each in service.body.spec.ports:
        word = (each.app_protocol or each.name.partition("-")[0]).lower()
        found[each.port] = word if each.app_protocol or word in _PROTOCOLS else each.protocol
    return found


_PROTOCOLS = frozenset({"http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "udp", "mongo", "mysql", "redis", "thrift"})


def _is_global(service: Resource[Service]) -> bool:
    return service.body.metadata.labels.get(GLOBAL) == "true"


def _are_scoped(mesh: Mesh) -> bool:
    """Whether MeshConfig makes Services global by labels of its own choice."""
    return next(meshconfig.settings(mesh, "serviceScopeConfigs"), None) is not None


def _waypoint(mesh: Mesh, service: Resource[Service]) -> str:
    found = waypoints.binding(mesh, service)
    return f"{found.namespace}/{found.name}" if found else "none"
