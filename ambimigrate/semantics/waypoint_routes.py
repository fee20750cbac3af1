"""Which HTTPRoutes and GRPCRoutes a waypoint uses for a Service, and the order into which it brings their matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import GRPCRoute, HTTPRoute, Service
from ambimigrate.kinds.gatewayapi import ParentRef
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics.chain import Chain
from ambimigrate.semantics.envoy import Route, cut
from ambimigrate.semantics.registry import entries
from ambimigrate.semantics.visibility import age
from ambimigrate.semantics.waypoint_route_rules import Ranked, is_valid, ranked
from ambimigrate.versions import at_least

_SERVICE_ENTRY = ("networking.istio.io", "ServiceEntry")


class RouteList(Struct, frozen=True):
    """The routes of all objects of one namespace that name the same port, or none.

    `order`: the age of the oldest object, then the name of the list, so that of two of one age the one with a port is first;
    up to 1.25 the name of the oldest object.
    """

    namespace: str
    order: tuple[Any, ...]
    routes: tuple[Route, ...]


def lists(mesh: Mesh, chain: Chain) -> tuple[RouteList, ...]:
    """A list for each namespace and parentRef.port (route_collections.go `mergeHTTPRoutes`); those of other ports are empty."""
    found = sorted(_attached(mesh, chain), key=lambda pair: (age(pair[1]), pair[1].namespace, pair[1].name))
    return tuple(_list(mesh, chain, key, objects) for key, objects in grouped(found).items())


def _attached(mesh: Mesh, chain: Chain) -> Iterator[tuple[tuple[str, int | None], Resource[Any]]]:
    """Every object that takes effect, once for each port that it names."""
    http = tuple(_with_ports(mesh, chain, mesh.of(HTTPRoute)))
    yield from http
    if not http or merges_kinds(mesh):
        yield from _with_ports(mesh, chain, mesh.of(GRPCRoute))


def merges_kinds(mesh: Mesh) -> bool:
    """From 1.26 to 1.29 a GRPCRoute beside an HTTPRoute is ignored."""
    return at_least(mesh.target.istio, "1.30.0") or not at_least(mesh.target.istio, "1.26.0")


def _with_ports(
    mesh: Mesh, chain: Chain, routes: Iterable[Resource[Any]]
) -> Iterator[tuple[tuple[str, int | None], Resource[Any]]]:
    for each in routes:
        if is_valid(mesh, each):
            yield from (((each.namespace, port), each) for port in _ports(mesh, chain, each))


def _ports(mesh: Mesh, chain: Chain, resource: Resource[Any]) -> tuple[int | None, ...]:
    """The ports of the Service that an object names, None for all of them; consumer routes name none."""
    if resource.namespace not in {chain.namespace, chain.waypoint}:
        return ()
    refs = (ref for ref in resource.body.spec.parent_refs if _names(mesh, chain, resource.namespace, ref))
    return tuple(dict.fromkeys(ref.port for ref in refs))


def bound(mesh: Mesh, chain: Chain, routes: Iterable[Resource[Any]]) -> list[Resource[Any]]:
    """The objects that name the chain's port of its Service or the whole Service, the oldest first."""
    found = (each for each in routes if {None, chain.port} & set(_ports(mesh, chain, each)))
    return sorted(found, key=lambda each: (age(each), each.namespace, each.name))


def _names(mesh: Mesh, chain: Chain, namespace: str, ref: ParentRef) -> bool:
    """Whether a parentRef means the Service of the chain; one to the waypoint itself means nothing."""
    owner = entries(mesh)[chain.host].owner
    kind = ("", "Service") if isinstance(owner.body, Service) else _SERVICE_ENTRY
    return (ref.group, ref.kind) == kind and ref.name == owner.name and (ref.namespace or namespace) == owner.namespace


def _list(mesh: Mesh, chain: Chain, key: tuple[str, int | None], objects: tuple[Resource[Any], ...]) -> RouteList:
    """Sorted as one, then cut at the first catch-all."""
    namespace, port = key
    name = "/".join((namespace, chain.host) if port is None else (namespace, str(port), chain.host))
    if not at_least(mesh.target.istio, "1.26.0"):
        name = objects[0].name
    order = (age(objects[0]), name, namespace)
    if port not in {None, chain.port}:
        return RouteList(namespace, order, ())
    found: list[Ranked] = [made for each in objects for made in ranked(mesh, chain, each)]
    return RouteList(namespace, order, cut(each.route for each in sorted(found, key=lambda made: made.rank)))
