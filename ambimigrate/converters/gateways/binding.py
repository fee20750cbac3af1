"""Which VirtualServices an Istio Gateway serves, for which of their hosts, and which Gateways hang together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from ambimigrate.kinds import IstioGateway, VirtualService
from ambimigrate.kinds.networking import Server
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import hosts
from ambimigrate.topology.virtualservices import MESH

ALL = "*"
Name = tuple[str, str]  # namespace and name of an Istio Gateway


class Group(Struct, frozen=True, eq=False):
    """Gateways that share VirtualServices, with all of these: they are converted together or stay together."""

    gateways: tuple[Resource[IstioGateway], ...]
    services: tuple[Resource[VirtualService], ...]


def named(gateway: str, namespace: str) -> Name:
    """The Gateway that a VirtualService of the namespace names (Istio, pkg/model/config.go `resolveGatewayName`)."""
    if "/" in gateway:
        before, _, name = gateway.partition("/")
        return (namespace if before == "." else before), name
    name, dot, rest = gateway.partition(".")
    return (rest.partition(".")[0], name) if dot else (namespace, name)


def names(vs: Resource[VirtualService]) -> tuple[Name, ...]:
    """The Gateways that a VirtualService names, `mesh` left out."""
    return tuple(named(each, vs.namespace) for each in vs.body.spec.gateways if each != MESH)


def groups(mesh: Mesh) -> tuple[Group, ...]:
    """The Gateways of the mesh, those together that some VirtualService names together."""
    return mesh.index(_groups)


def of(mesh: Mesh, gateway: Resource[IstioGateway]) -> Group:
    """The group of a Gateway."""
    return mesh.index(_by_gateway)[id(gateway)]


def _by_gateway(mesh: Mesh) -> Mapping[int, Group]:
    return {id(gateway): group for group in groups(mesh) for gateway in group.gateways}


def _groups(mesh: Mesh) -> tuple[Group, ...]:
    gateways = grouped(((each.namespace, each.name), each) for each in mesh.of(IstioGateway))
    bound = [(vs, [name for each in names(vs) for name in _meant(each, gateways)]) for vs in mesh.of(VirtualService)]
    head = {name: name for name in gateways}
    for _, known in bound:
        for name in known[1:]:
            head = _joined(head, known[0], name)
    members = grouped((head[name], each) for name, found in gateways.items() for each in found)
    served = grouped((head[known[0]], vs) for vs, known in bound if known)
    return tuple(Group(found, served.get(first, ())) for first, found in members.items())


def _meant(name: Name, known: Collection[Name]) -> tuple[Name, ...]:
    """The Gateways that a name may mean: in a namespace that is not known, all that are called so."""
    if name[0]:
        return (name,) if name in known else ()
    return tuple(each for each in known if each[1] == name[1])


def _joined(head: dict[Name, Name], one: Name, other: Name) -> dict[Name, Name]:
    old, new = head[other], head[one]
    return {name: new if each == old else each for name, each in head.items()}


def server_hosts(server: Server, gateway: Resource[IstioGateway]) -> Iterator[tuple[str, str]]:
    """The hosts of a server, each with the namespace whose VirtualServices may use it (`*`: all)."""
    for each in server.hosts:
        namespace, slash, host = each.partition("/")
        yield ((gateway.namespace if namespace == "." else namespace), host) if slash else (ALL, each)


def shared_hosts(server: Server, gateway: Resource[IstioGateway], vs: Resource[VirtualService]) -> tuple[str, ...]:
    """The virtual hosts that a VirtualService gets at a server: the narrower name of each pair (pkg/config/host)."""
    found: dict[str, None] = {}
    for namespace, host in server_hosts(server, gateway):
        if namespace not in {ALL, vs.namespace}:
            continue
        for each in vs.body.spec.hosts:
            full = hosts.full_name(each, vs.namespace)
            if hosts.covers(host, full):
                found[full.lower()] = None
            elif hosts.covers(full, host):
                found[host.lower()] = None
    return tuple(found)
