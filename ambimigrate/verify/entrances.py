"""Where gateways are entered: the ports of their pods, the names that clients use there, and the requests to try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import DestinationRule, Gateway, GRPCRoute, HTTPRoute, IstioGateway, TCPRoute, TLSRoute, VirtualService
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics import gateways
from ambimigrate.semantics.gateways import merging
from ambimigrate.semantics.gateways.names import without_namespace
from ambimigrate.topology import hosts, waypoints
from ambimigrate.topology.virtualservices import is_of_gateway
from ambimigrate.verify import examples, requests
from ambimigrate.verify.shapes import Shape, shapes
from ambimigrate.verify.values import Ask, Place, Settings

_ROUTES = (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute)
_UNKNOWN = "unknown.example.org"  # what nobody serves
_ROOM = 5000  # requests for one port; many names share them
_FEWEST = 30
_MIXED = 3  # requests of each name on connections that were opened for another


class Entrance(Struct, frozen=True, eq=False):
    """A port of gateway pods, as each mesh has them; None where a mesh does not have the pods."""

    place: Place
    before: gateways.Pods | None
    after: gateways.Pods | None


def entrances(before: Mesh, after: Mesh) -> tuple[Entrance, ...]:
    """Every port on which pods of the mesh before listen in either mesh; what is new was called by nobody."""
    new = dict(_numbered(after))
    return tuple(
        Entrance(Place(_name(old), old.namespace, port, is_http=True), old, new.get(key))
        for key, old in _numbered(before)
        for port in _ports((before, old), (after, new.get(key)))
    )


def _numbered(mesh: Mesh) -> Iterator[tuple[tuple[str, str, int], gateways.Pods]]:
    """The pods by namespace, name, and a number for those that several files have."""
    seen: Counter[tuple[str, str]] = Counter()
    for each in gateways.pods(mesh):
        yield (each.namespace, each.name, seen[each.namespace, each.name]), each
        seen[each.namespace, each.name] += 1


def _name(pods: gateways.Pods) -> str:
    """What clients dial: the first Service in front of the pods, else the pods themselves."""
    name = next((name for name, _, _ in pods.ports), "")
    return f"{name}.{pods.namespace}.{hosts.DOMAIN}" if name else f"{pods.name}.{pods.namespace}"


def _ports(*sides: tuple[Mesh, gateways.Pods | None]) -> list[int]:
    found: dict[int, None] = {}
    for mesh, pods in sides:
        for target in merging.merged(mesh, pods) if pods else ():
            dialled = [number for _, number, each in pods.ports if each == target] if pods and pods.ports else [target]
            found |= dict.fromkeys(dialled)
    return sorted(found)


def asks(before: Mesh, after: Mesh, entrance: Entrance, settings: Settings) -> Iterator[Ask]:
    """The requests for a port: to every name that plays a part there and to one that does not, with TLS and without."""
    sides = [(mesh, pods) for mesh, pods in ((before, entrance.before), (after, entrance.after)) if pods]
    names = tuple(
        dict.fromkeys((*(each for mesh, pods in sides for each in _names(mesh, pods, entrance.place.port)), _UNKNOWN))
    )
    count = max(_FEWEST, min(settings.requests, _ROOM // len(names)))
    kinds = {tls for mesh, pods in sides for tls in _kinds(mesh, pods, entrance.place.port)}
    for name in names:
        near = list(_near((before, after), name, replace(settings, requests=count), entrance.place))
        for tls in sorted(kinds):
            yield from (replace(each, tls=tls, sni=name if tls else "") for each in near)
        yield from (
            replace(each, tls=not tls, sni="" if tls else name) for each in near[:1] for tls in kinds if len(kinds) == 1
        )
        others = [other for other in names if other not in {name, _UNKNOWN}][:_MIXED] if True in kinds else []
        yield from (replace(each, tls=True, sni=other) for each in near[:_MIXED] for other in (*others, _UNKNOWN))


def _kinds(mesh: Mesh, pods: gateways.Pods, port: int) -> Iterator[bool]:
    """Whether the port is for connections with TLS or without."""
    target = pods.reached(port)
    found = merging.merged(mesh, pods).get(target) if target is not None else None
    yield from (each.tls is not None for each in found.servers if not found.is_http) if found else ()
    yield from (False,) if found and found.is_http else ()


def _names(mesh: Mesh, pods: gateways.Pods, port: int) -> Iterator[str]:
    """Host names of the servers, and of all that is bound to gateways, as far as the servers take them."""
    target = pods.reached(port)
    found = merging.merged(mesh, pods).get(target) if target is not None else None
    served = dict.fromkeys(without_namespace(host) for each in (found.servers if found else ()) for host in each.hosts)
    for pattern in served:
        yield _example(pattern)
    for each in mesh.index(_every_name):
        if any(hosts.meet(pattern, each) for pattern in served):
            yield _example(each)


def _every_name(mesh: Mesh) -> tuple[str, ...]:
    found = (name for each in bound(mesh) for name in _hosts(each))
    return tuple(dict.fromkeys(found))


def _hosts(resource: Resource[Any]) -> Iterable[str]:
    """The names for which an object routes, server names of TLS included."""
    if isinstance(resource.body, VirtualService):
        spec = resource.body.spec
        yield from (hosts.full_name(each, resource.namespace) for each in spec.hosts)
        yield from (name for rule in spec.tls for match in rule.match for name in match.sni_hosts)
    else:
        yield from getattr(resource.body.spec, "hostnames", ())


def _example(pattern: str) -> str:
    """A name that the pattern covers."""
    return _UNKNOWN if pattern == "*" else examples.of_wildcard(pattern).lower()


def bound(mesh: Mesh) -> tuple[Resource[Any], ...]:
    """The VirtualServices and routes that gateways use."""
    return mesh.index(_bound)


def _bound(mesh: Mesh) -> tuple[Resource[Any], ...]:
    services = (each for each in mesh.of(VirtualService) if is_of_gateway(each.body))
    routes: Iterator[Resource[Any]] = (each for kind in _ROUTES for each in mesh.of(kind))
    return (*services, *(each for each in routes if any(ref.kind == "Gateway" for ref in each.body.spec.parent_refs)))


def deciding(mesh: Mesh, name: str) -> tuple[Resource[Any], ...]:
    """All that may decide about requests to the name, the nearest first."""
    delegates = [each for each in mesh.of(VirtualService) if not each.body.spec.hosts]
    gates = [each for each in mesh.of(Gateway) if not waypoints.is_waypoint(each.body)]
    return (*_for(mesh, name), *delegates, *mesh.of(IstioGateway), *gates, *mesh.of(DestinationRule))


def _for(mesh: Mesh, name: str) -> tuple[Resource[Any], ...]:
    """What is bound for the name: by the name itself, then by wildcards that cover it."""
    exact, wild = mesh.index(_by_name)
    return tuple(dict.fromkeys((*exact.get(name, ()), *(each for pattern, each in wild if hosts.covers(pattern, name)))))


def _by_name(mesh: Mesh) -> tuple[Mapping[str, tuple[Resource[Any], ...]], tuple[tuple[str, Resource[Any]], ...]]:
    written = [(pattern, each) for each in bound(mesh) for pattern in tuple(_hosts(each)) or ("*",)]
    exact = grouped((pattern.lower(), each) for pattern, each in written if not pattern.startswith("*"))
    return exact, tuple((pattern, each) for pattern, each in written if pattern.startswith("*"))


def _near(meshes: tuple[Mesh, Mesh], name: str, settings: Settings, door: Place) -> Iterator[Ask]:
    """The requests at the boundaries of all that is bound to gateways for the name."""
    looked_for = list(dict.fromkeys(each for mesh in meshes for each in _shapes(mesh, name)))
    reply = requests.replies(looked_for)
    place = Place(name, door.namespace, door.port, is_http=True)
    yield from (replace(each, reply=reply) for each in requests.around(place, looked_for, settings))


def _shapes(mesh: Mesh, name: str) -> Iterator[Shape]:
    """What the objects for the name look for; other names that their conditions ask for are tried by themselves."""
    for each in _for(mesh, name):
        for shape in shapes(mesh, each):
            own = shape.host.partition(":")[0].lower() == name
            yield shape if own else replace(shape, host="")
