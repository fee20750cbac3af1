"""What traffic configuration reaches: the Services and ServiceEntries behind a host, and which waypoint reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate import support
from ambimigrate.kinds import (
    GRPCRoute,
    HTTPRoute,
    Service,
    ServiceEntry,
    TCPRoute,
    TLSRoute,
    VirtualService,
)
from ambimigrate.kinds.gatewayapi import ParentRef
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import hosts, injection, meshconfig, waypoints
from ambimigrate.topology.virtualservices import is_of_mesh

Named = tuple[str, str, str]  # kind, namespace, name


def key(resource: Resource[Any]) -> Named:
    return resource.kind, resource.namespace, resource.name


def once(found: Iterable[Resource[Any]]) -> tuple[Resource[Any], ...]:
    """The objects without repetitions: one name may be written in several files of a tree."""
    return tuple({key(each): each for each in found}.values())


def listed(names: Iterable[str], limit: int = 3) -> str:
    """`a, b and 4 more`."""
    every = tuple(name or "an unnamed namespace" for name in dict.fromkeys(names))
    shown = ", ".join(every[:limit])
    return f"{shown} and {len(every) - limit} more" if len(every) > limit else shown


def targets(mesh: Mesh, pattern: str, namespace: str, near: str = "") -> tuple[Resource[Any], ...]:
    """The Services and ServiceEntries that a host or wildcard written in `namespace` means."""
    services = hosts.services(mesh, pattern, namespace, near)
    if services and not pattern.startswith("*"):
        return services
    full = hosts.full_name(pattern, namespace)
    if not full.startswith("*"):
        return once(hosts.service_entries(mesh, full, namespace))
    if full.startswith("*."):
        return once(sorted((*services, *hosts.entries_below(mesh, full[1:])), key=key))
    entries = (each for each in mesh.of(ServiceEntry) if any(hosts.covers(full, host) for host in each.body.spec.hosts))
    return once((*services, *entries))


def has_members(mesh: Mesh) -> bool:
    """Whether any namespace takes part in the mesh."""
    return mesh.index(_has_members)


def _has_members(mesh: Mesh) -> bool:
    return any(injection.is_meshed(mesh, each) for each in injection.namespaces(mesh))


def is_called(mesh: Mesh, target: Resource[Any]) -> bool:
    """Whether callers in the mesh are concerned: a Service of the mesh, or an entry that a member sees today."""
    if isinstance(target.body, Service):
        return injection.is_meshed(mesh, target.namespace)
    if injection.is_meshed(mesh, target.namespace):
        return True
    return has_members(mesh) and set(target.body.spec.export_to) not in ({"."}, {"~"})


def called(mesh: Mesh, pattern: str, by: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The targets of a host written by an object that callers in the mesh use.

    A Service of the cluster that was not read (its chart is not in the input) is taken to be there.
    """
    if pattern.startswith("*"):  # means the same wherever it is written, and may mean every Service
        return mesh.once(_called, pattern)
    found = targets(mesh, pattern, by.namespace, by.file) or unseen(pattern, by)
    return tuple(each for each in found if is_called(mesh, each))


def _called(mesh: Mesh, wildcard: str) -> tuple[Resource[Any], ...]:
    return tuple(each for each in targets(mesh, wildcard, "") if is_called(mesh, each))


def unseen(host: str, by: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The Service that a host of the cluster names, as far as its name tells."""
    name, _, rest = hosts.full_name(host, by.namespace).partition(".")
    if not name.replace("-", "").isalnum() or not rest.endswith(f".{hosts.DOMAIN}"):
        return ()
    return (Resource(Ref("Service", "", rest.removesuffix(f".{hosts.DOMAIN}"), name), Service(), by.origin),)


def waypoint_namespace(mesh: Mesh, target: Resource[Any]) -> str:
    """Where the waypoint of a Service or ServiceEntry is, or will be by default: in its own namespace."""
    found = waypoints.binding(mesh, target)
    return found.namespace if found and found.fault is None else target.namespace


def is_read(mesh: Mesh, namespace: str, target: Resource[Any]) -> bool:
    """Whether the target's waypoint reads routes of the namespace (Istio, listener_waypoint.go `getConfigsForHost`).

    Up to 1.23 only those of its own namespace, from 1.24 also those of the Service's.
    """
    return namespace in read_namespaces(mesh, target) or not (namespace and target.namespace)  # "" is unknown


def read_namespaces(mesh: Mesh, target: Resource[Any]) -> tuple[str, ...]:
    """The namespaces whose routes the target's waypoint reads."""
    own = waypoint_namespace(mesh, target)
    alone = support.status("read-in-own-namespace", "waypoint", mesh.target.istio) == "unsupported"
    return (own,) if alone else (own, target.namespace)


def is_exported(mesh: Mesh, export_to: tuple[str, ...], own: str, to: str, default: str) -> bool:
    """Whether `exportTo` (else the mesh's `default…ExportTo`) shows an object of namespace `own` to namespace `to`."""
    if not export_to:
        said = next((each.value for each in meshconfig.settings(mesh, default) if isinstance(each.value, list)), ["*"])
        export_to = tuple(str(each) for each in said) or ("*",)
    return any(each in {"*", to} or (each == "." and own == to) for each in export_to)


def mesh_virtual_services(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[VirtualService], ...]:
    """The VirtualServices for clients in the mesh that are about the target, wildcards included."""
    return mesh.index(_by_target).get(key(target), ())


def _by_target(mesh: Mesh) -> Mapping[Named, tuple[Resource[VirtualService], ...]]:
    found: dict[Named, list[Resource[VirtualService]]] = defaultdict(list)
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body):
            for each in once(t for host in vs.body.spec.hosts for t in targets(mesh, host, vs.namespace, vs.file)):
                found[key(each)].append(vs)
    return {name: once(sorted(objects, key=key)) for name, objects in found.items()}


def parent(ref: ParentRef, namespace: str) -> Named | None:
    """The Service or ServiceEntry that a parentRef names, None for gateways."""
    if (ref.group, ref.kind) in {("", "Service"), ("core", "Service"), ("networking.istio.io", "ServiceEntry")}:
        return ref.kind, ref.namespace or namespace, ref.name
    return None


def mesh_routes(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The routes of the Gateway API whose parent the target is."""
    return mesh.index(_routes_by_target).get(key(target), ())


def _routes_by_target(mesh: Mesh) -> Mapping[Named, tuple[Resource[Any], ...]]:
    found: dict[Named, list[Resource[Any]]] = defaultdict(list)
    for route in routes(mesh):
        for ref in route.body.spec.parent_refs:
            if named := parent(ref, route.namespace):
                found[named].append(route)
    return {name: once(objects) for name, objects in found.items()}


def routes(mesh: Mesh) -> Iterator[Resource[Any]]:
    """All routes of the Gateway API."""
    kinds: tuple[type[Any], ...] = (HTTPRoute, GRPCRoute, TCPRoute, TLSRoute)
    return (route for kind in kinds for route in mesh.of(kind))


def find(mesh: Mesh, named: Named, near: str = "") -> Resource[Any] | None:
    """The Service or ServiceEntry of that name."""
    kind, namespace, name = named
    if kind == "Service":
        return mesh.find(Service, namespace, name, near)
    return mesh.find(ServiceEntry, namespace, name, near)


def subjects(mesh: Mesh, vs: Resource[VirtualService]) -> tuple[Resource[Any], ...]:
    """What a VirtualService is about for callers in the mesh; a delegate is about what its roots are about."""
    heads = (vs,) if vs.body.spec.hosts else mesh.index(_roots).get((vs.namespace, vs.name), ())
    return once(t for head in heads if is_of_mesh(head.body) for host in head.body.spec.hosts for t in called(mesh, host, head))


def readers(mesh: Mesh, vs: Resource[VirtualService]) -> tuple[Resource[Any], ...]:
    """The subjects whose waypoint, there already or still to come, reads the VirtualService."""
    heads = (vs,) if vs.body.spec.hosts else mesh.index(_roots).get((vs.namespace, vs.name), ())
    return tuple(t for t in subjects(mesh, vs) if any(is_read(mesh, head.namespace, t) for head in heads))


def _roots(mesh: Mesh) -> Mapping[tuple[str, str], tuple[Resource[VirtualService], ...]]:
    """The VirtualServices that delegate to one, by its namespace and name."""
    found: dict[tuple[str, str], list[Resource[VirtualService]]] = defaultdict(list)
    for vs in mesh.of(VirtualService):
        for rule in vs.body.spec.http:
            if rule.delegate:
                found[rule.delegate.namespace or vs.namespace, rule.delegate.name].append(vs)
    return {name: once(objects) for name, objects in found.items()}


def hostnames(target: Resource[Any]) -> tuple[str, ...]:
    """The full names by which a target is called."""
    return (hosts.host_of(target),) if isinstance(target.body, Service) else tuple(target.body.spec.hosts)


def needed(found: Iterable[Resource[Any]]) -> tuple[str, ...]:
    """The Services among the targets as `Hit.services` names them."""
    named = (each for each in found if isinstance(each.body, Service) and "/" not in each.namespace + each.name)
    return tuple(f"{each.namespace}/{each.name}" for each in named)
