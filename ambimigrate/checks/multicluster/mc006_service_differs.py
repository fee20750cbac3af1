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
    labels, where = own.at("metadata", "labels"), f"{mesh.name} and {peer.name}"
    if hosts.is_headless(own) != hosts.is_headless(its):
        said = f"{own.ref} is headless in one of {where} only: a waypoint needs an address in both"
        yield Hit(own.at("spec", "clusterIP"), said, "ports")
    found = _ports(own), _ports(its)
    if found[0] != found[1]:
        port = min(port for port in {*found[0], *found[1]} if found[0].get(port) != found[1].get(port))
        told = _both(found[0].get(port), found[1].get(port), mesh, peer)
        yield Hit(own.at("spec", "ports"), f"port {port} of {own.ref} is {told}: calls differ by where they start", "ports")
    if _is_global(own) != _is_global(its) and not any(_are_scoped(each) for each in (mesh, peer)):
        one, other = (mesh, peer) if _is_global(own) else (peer, mesh)
        said = f"{own.ref} is {GLOBAL} in {one.name} and not in {other.name}"
        yield Hit(labels, f"{said}: ambient pods see the other cluster's endpoints from one side only", "scope")
    names = _waypoint(mesh, own), _waypoint(peer, its)
    if names[0] != names[1]:
        said = f"the waypoint of {own.ref} is {_both(*names, mesh, peer)}"
        yield Hit(labels, f"{said}: istiod takes for granted that it is the same in all clusters", "waypoint")


def _both(own: str | None, its: str | None, mesh: Mesh, peer: Mesh) -> str:
    return f"{own or 'none'} in {mesh.name} and {its or 'none'} in {peer.name}"


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
    return f"{found.namespace}/{found.name}" if found else ""
