"""The part of a mesh on which decisions at the Services of one namespace depend, and what it is after some changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change
from ambimigrate.kinds import KINDS as VIEWS
from ambimigrate.kinds import (
    Application,
    AuthorizationPolicy,
    ConfigMap,
    Deployment,
    DestinationRule,
    Gateway,
    GRPCRoute,
    HelmValues,
    HTTPRoute,
    IstioGateway,
    IstioOperator,
    Namespace,
    NetworkPolicy,
    PeerAuthentication,
    RequestAuthentication,
    SailIstio,
    Service,
    ServiceEntry,
    Sidecar,
    TCPRoute,
    TLSRoute,
    VirtualService,
    WorkloadEntry,
)
from ambimigrate.kinds.cni import CALICO, CILIUM
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.semantics import registry
from ambimigrate.topology import injection, meshconfig, waypoints
from ambimigrate.topology.workloads import KINDS
from ambimigrate.verify import places
from ambimigrate.verify.values import Place

ROUTING = (VirtualService, DestinationRule, HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
OF_CNI: tuple[type[Any], ...] = tuple(kind for kind in (*CILIUM, *CALICO) if kind.NAMESPACED)
OF_CLUSTER: tuple[type[Any], ...] = tuple(kind for kind in (*CILIUM, *CALICO) if not kind.NAMESPACED)
NETWORK: tuple[type[Any], ...] = (NetworkPolicy, *OF_CNI, *OF_CLUSTER)
POLICIES: tuple[type[Any], ...] = (AuthorizationPolicy, RequestAuthentication, PeerAuthentication, NetworkPolicy, *OF_CNI)
_NEAR: tuple[type[Any], ...] = (
    *KINDS,
    Service,
    ServiceEntry,
    WorkloadEntry,
    Sidecar,
    Gateway,
    IstioGateway,
    Namespace,
    *ROUTING,
    *POLICIES,
)
_FAR: tuple[type[Any], ...] = (
    IstioOperator,
    SailIstio,
    HelmValues,
    Application,
    *OF_CLUSTER,
)  # they say something about the whole mesh
_OF_CALLERS = (Sidecar, VirtualService, DestinationRule, ServiceEntry, Namespace, NetworkPolicy, *OF_CNI)


class Pair(Struct, frozen=True, eq=False):
    """The mesh before a plan and after all of it."""

    before: Mesh
    end: Mesh


def core(pair: Pair, namespace: str, own: Iterable[Place]) -> frozenset[str]:
    """The namespaces whose objects decide about calls to these places: of policies, routes, waypoints and backends."""
    found = {namespace, meshconfig.root_namespace(pair.before)}
    for mesh in (pair.before, pair.end):
        for place in own:
            found |= set(_of_place(mesh, place))
    return frozenset(found)


def _of_place(mesh: Mesh, place: Place) -> Iterator[str]:
    service = places.service(mesh, place)
    bound = waypoints.binding(mesh, service) if service is not None else None
    if bound is not None:
        yield bound.namespace
    for each in places.routing(mesh, place):
        yield each.namespace
        yield from _backends(mesh, each)
    if places.routing(mesh, place):
        yield from (each.namespace for each in places.destinations(mesh, place))


def _backends(mesh: Mesh, route: Resource[Any]) -> Iterator[str]:
    from ambimigrate.topology import hosts

    spec = route.body.spec
    if isinstance(route.body, VirtualService):
        named = {one.destination.host for rule in (*spec.http, *spec.tcp, *spec.tls) for one in rule.route}
        entries = (registry.entries(mesh).get(hosts.full_name(name, route.namespace)) for name in named)
        yield from (entry.namespace for entry in entries if entry is not None)
        yield from (rule.delegate.namespace for rule in spec.http if rule.delegate is not None and rule.delegate.namespace)
    else:
        yield from (ref.namespace for rule in spec.rules for ref in rule.backend_refs if ref.namespace)


def resources(mesh: Mesh, names: frozenset[str]) -> tuple[Resource[Any], ...]:
    """What is read of the mesh for these namespaces, in its order."""
    near = mesh.index(_near)
    found = [pair for name in sorted(names) for pair in near.get(name, ())]
    found += mesh.index(_far)
    return tuple(each for _, each in sorted({number: (number, each) for number, each in found}.values()))


def _near(mesh: Mesh) -> dict[str, tuple[tuple[int, Resource[Any]], ...]]:
    return grouped(
        (each.name if isinstance(each.body, Namespace) else each.namespace, (number, each))
        for number, each in enumerate(mesh.resources)
        if isinstance(each.body, _NEAR)
    )


def _far(mesh: Mesh) -> tuple[tuple[int, Resource[Any]], ...]:
    return tuple((number, each) for number, each in enumerate(mesh.resources) if _is_far(each))


def _is_far(each: Resource[Any]) -> bool:
    match each.body:
        case ConfigMap():
            return each.name.startswith("istio")
        case Deployment():
            return each.name.startswith("istiod")
    return isinstance(each.body, _FAR)


def local(mesh: Mesh, names: frozenset[str]) -> Mesh:
    """The part of the mesh that is about these namespaces."""
    return replace(mesh, resources=resources(mesh, names), _memo={})


def _is_read(ref: Ref) -> bool:
    """Whether objects of the kind decide about calls; of ConfigMaps those of istiod."""
    if ref.kind == "ConfigMap":
        return ref.name.startswith("istio")
    return VIEWS.get((ref.group, ref.kind)) in {*_NEAR, *_FAR}


def about(names: frozenset[str], callers: frozenset[str]) -> Callable[[Change], bool]:
    """Whether a change counts for these namespaces, of those of mere callers only what their proxies and pods obey."""

    def counts(change: Change) -> bool:
        if not _is_read(change.ref):
            return False
        place = change.ref.name if change.ref.kind == "Namespace" else change.ref.namespace
        if names & {place, change.namespace}:
            return True
        return place in callers and VIEWS.get((change.ref.group, change.ref.kind)) in _OF_CALLERS

    return counts


def is_judged(pair: Pair, names: frozenset[str]) -> bool:
    """Whether anything in these namespaces refuses anybody, before or afterwards."""
    meshes = (pair.before, pair.end)
    near = any(mesh.within(kind, *sorted(names)) for mesh in meshes for kind in POLICIES)
    return near or any(mesh.of(kind) for mesh in meshes for kind in OF_CLUSTER)


def moves(mesh: Mesh, namespace: str) -> bool:
    """Whether the namespace has sidecars that a plan can take away."""
    return injection.mode(mesh, namespace) in {injection.SIDECAR, injection.MIXED}
