"""What callers dial in a mesh, and which objects may decide about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    GRPCRoute,
    HTTPRoute,
    RequestAuthentication,
    Service,
    ServiceEntry,
    TCPRoute,
    TLSRoute,
    VirtualService,
)
from ambimigrate.kinds.security import AuthorizationPolicySpec, RequestAuthenticationSpec
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics import registry
from ambimigrate.topology import hosts, meshconfig
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.workloads import Workload, behind, matches
from ambimigrate.verify.values import Place

ROUTES = (HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
POLICIES = (AuthorizationPolicy, RequestAuthentication)
_SHORTENED = ("", f".{hosts.DOMAIN}", f".{hosts.DOMAIN.partition('.')[2]}")  # what resolvers complete a Service's name with
_FOREIGN_PORT = 80  # the only port on which a VirtualService makes virtual hosts for names outside the registry


def places(before: Mesh, after: Mesh) -> tuple[Place, ...]:
    """Every port of every Service and ServiceEntry of either mesh, and the names that only VirtualServices know."""
    found: dict[tuple[str, int], Place] = {}
    for mesh in (before, after):
        for place in (*_registered(mesh), *_foreign(mesh)):
            found.setdefault((place.host, place.port), place)
    return tuple(found[key] for key in sorted(found))


def _registered(mesh: Mesh) -> Iterator[Place]:
    for entry in registry.entries(mesh).values():
        for port in entry.ports:
            yield Place(entry.host, entry.namespace, port, registry.carries_http(entry, port))


def _foreign(mesh: Mesh) -> Iterator[Place]:
    known = registry.entries(mesh)
    for vs in mesh.of(VirtualService):
        for host in vs.body.spec.hosts if is_of_mesh(vs.body) and vs.body.spec.http else ():
            name = hosts.full_name(host, vs.namespace)
            if not name.startswith("*") and not any(f"{name}{rest}" in known for rest in _SHORTENED):
                yield Place(name, vs.namespace, _FOREIGN_PORT, is_http=True)


def service(mesh: Mesh, place: Place) -> Resource[Service] | None:
    entry = registry.entries(mesh).get(place.host)
    owner = entry.owner if entry else None
    return owner if owner is not None and isinstance(owner.body, Service) else None


def called(mesh: Mesh, place: Place) -> Resource[Service] | Resource[ServiceEntry] | None:
    """The Service or ServiceEntry of the place."""
    entry = registry.entries(mesh).get(place.host)
    return entry.owner if entry else None


def is_grpc(mesh: Mesh, place: Place) -> bool:
    """Whether the port is declared as gRPC, so that what is no gRPC call is nothing that clients send."""
    own = service(mesh, place)
    found = (each for each in own.body.spec.ports if each.port == place.port) if own else ()
    return any((each.app_protocol or each.name.partition("-")[0]).lower() == "grpc" for each in found)


def is_tls_outside(mesh: Mesh, place: Place) -> bool:
    """Whether clients start TLS themselves towards a host outside of the mesh, and so name the server."""
    entry = called(mesh, place)
    if entry is None or not isinstance(entry.body, ServiceEntry):
        return False
    return any(each.number == place.port and each.protocol.upper() in {"TLS", "HTTPS"} for each in entry.body.spec.ports)


def routing(mesh: Mesh, place: Place) -> tuple[Resource[Any], ...]:
    """The VirtualServices of the mesh and the routes that may decide about requests to the place."""
    exact, wild = mesh.index(_virtual_services)
    found = [*exact.get(place.host, ()), *(each for pattern, each in wild if hosts.covers(pattern, place.host))]
    return (*dict.fromkeys(found), *mesh.index(_routes).get(place.host, ()))


def _virtual_services(mesh: Mesh) -> tuple[Mapping[str, tuple[Resource[Any], ...]], tuple[tuple[str, Resource[Any]], ...]]:
    written = [
        (hosts.full_name(host, vs.namespace), vs)
        for vs in mesh.of(VirtualService)
        if is_of_mesh(vs.body)
        for host in vs.body.spec.hosts
    ]
    exact = grouped((name, vs) for name, vs in written if not name.startswith("*"))
    return exact, tuple((name, vs) for name, vs in written if name.startswith("*"))


def _routes(mesh: Mesh) -> Mapping[str, tuple[Resource[Any], ...]]:
    return grouped((host, route) for kind in ROUTES for route in mesh.of(kind) for host in dict.fromkeys(_parents(mesh, route)))


def _parents(mesh: Mesh, route: Resource[Any]) -> Iterator[str]:
    for ref in route.body.spec.parent_refs:
        namespace = ref.namespace or route.namespace
        if ref.kind == "Service":
            yield f"{ref.name}.{namespace}.{hosts.DOMAIN}"
        elif ref.kind == "ServiceEntry":
            yield from mesh.index(_entry_hosts).get((namespace, ref.name), ())


def _entry_hosts(mesh: Mesh) -> Mapping[tuple[str, str], tuple[str, ...]]:
    entries = registry.entries(mesh).values()
    return grouped(((each.namespace, each.owner.name), each.host) for each in entries)


def destinations(mesh: Mesh, place: Place) -> tuple[Resource[Any], ...]:
    """The DestinationRules for the place and for what VirtualServices send its requests to."""
    named = {place.host}
    for each in routing(mesh, place):
        if isinstance(each.body, VirtualService):
            named |= {
                hosts.full_name(one.destination.host, each.namespace) for rule in each.body.spec.http for one in rule.route
            }
    return tuple(
        rule
        for rule in mesh.of(DestinationRule)
        if any(hosts.covers(hosts.full_name(rule.body.spec.host, rule.namespace), name) for name in named)
    )


def policies(mesh: Mesh, place: Place) -> tuple[Resource[Any], ...]:
    """The policies that may bind the Service, its pods or its waypoint; all near ones where requests are led elsewhere."""
    found = mesh.index(_policies)
    near = [each for name in dict.fromkeys((place.namespace, meshconfig.root_namespace(mesh))) for each in found.get(name, ())]
    own = service(mesh, place)
    pods = behind(mesh, own) if own else ()
    if own is None or not pods or routing(mesh, place):
        return tuple(near)
    return tuple(each for each in near if _may_bind(each.body.spec, own, pods))


def _may_bind(
    spec: AuthorizationPolicySpec | RequestAuthenticationSpec, own: Resource[Service], pods: tuple[Workload, ...]
) -> bool:
    refs = spec.target_refs or ((spec.target_ref,) if spec.target_ref else ())
    if refs:
        return any(ref.kind != "Service" or ref.name == own.name for ref in refs)
    return spec.selector is None or any(matches(spec.selector.match_labels, each.labels) for each in pods)


def _policies(mesh: Mesh) -> Mapping[str, tuple[Resource[Any], ...]]:
    return grouped((each.namespace, each) for kind in POLICIES for each in mesh.of(kind))
