"""The virtual hosts of HTTP servers that share a table of routes.

Istio, pilot/pkg/networking/core/gateway.go `buildGatewayHTTPRouteConfig` (1.24 to master of August 2026).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct, field

from ambimigrate.kinds import GRPCRoute, HTTPRoute
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics import sidecar_rules
from ambimigrate.semantics.decision import Client
from ambimigrate.semantics.destinations import Viewer
from ambimigrate.semantics.envoy import Route, cut, is_catch_all
from ambimigrate.semantics.gateways.attached import attached
from ambimigrate.semantics.gateways.bound import bound, full_hosts
from ambimigrate.semantics.gateways.names import intersection, of_namespace
from ambimigrate.semantics.gateways.servers import Server
from ambimigrate.semantics.visibility import age
from ambimigrate.semantics.waypoint_route_rules import is_valid, ranked
from ambimigrate.semantics.waypoint_routes import merges_kinds


class VirtualHost(Struct):
    """`redirects`: every request without TLS is sent to HTTPS, whatever the routes say."""

    routes: list[Route] = field(default_factory=list)
    redirects: bool = False


class Listener(Struct, frozen=True):
    """A listener as what compiles routes: the pods' view, the port that clients mean, and the kind of the routes."""

    viewer: Viewer
    port: int
    scheme: str
    granted_as: str


_List = tuple[str, str, tuple[str, ...], Callable[[], tuple[Route, ...]]]  # its key, its namespace, its hosts, its routes


def virtual_hosts(mesh: Mesh, client: Client, servers: tuple[Server, ...]) -> Mapping[str, VirtualHost]:
    """By domain; catch-alls of merged lists come last. Without any every request gets a 404."""
    return mesh.index(_Table(client, servers))


class _Table(Struct, frozen=True):
    client: Client
    servers: tuple[Server, ...]

    def __call__(self, mesh: Mesh) -> Mapping[str, VirtualHost]:
        known: dict[tuple[str, str], tuple[Route, ...]] = {}
        found: dict[str, VirtualHost] = {}
        for server in self.servers:
            redirects = server.tls is not None and server.tls.redirects
            for key, namespace, hosts, compiled in _lists(mesh, self.client, server):
                shared = intersection(of_namespace(server.hosts, namespace), hosts)
                if shared and not known.get((server.gateway, key)):
                    known[server.gateway, key] = compiled()
                routes = known.get((server.gateway, key), ())
                for host in shared if routes else ():
                    own = found.setdefault(host.lower(), VirtualHost())
                    own.routes.extend(routes)
                    own.redirects |= redirects
            for host in server.hosts if redirects else ():
                found.setdefault(host.lower(), VirtualHost()).redirects = True
        for each in found.values():
            each.routes.sort(key=lambda route: is_catch_all(route.match))
        return found


def _lists(mesh: Mesh, client: Client, server: Server) -> Iterator[_List]:
    """What is bound to the server's Gateway: VirtualServices, or a list for each host of the routes at the listener."""
    scheme = "https" if server.tls is not None else "http"
    for vs in bound(mesh, client.namespace, server.gateway):
        place = sidecar_rules.Place(mesh, client, server.number, vs.namespace, server.gateway, scheme)
        yield f"{vs.name}/{vs.namespace}", vs.namespace, full_hosts(vs), partial(sidecar_rules.routes, place, vs)
    by_host = grouped((each.host, each.route) for each in attached(mesh, server.gateway))
    merged = [(used, host) for host, routes in by_host.items() if (used := _used(mesh, routes))]
    for used, host in sorted(merged, key=lambda pair: (pair[0][0].namespace != client.namespace, age(pair[0][0]), pair[1])):
        compiled = partial(_of_routes, mesh, client, (server.number, scheme), used)
        yield f"{server.gateway}/{host}", used[0].namespace, (host,), compiled


def _of_routes(mesh: Mesh, client: Client, port: tuple[int, str], routes: list[Resource[Any]]) -> tuple[Route, ...]:
    """The matches of all routes of one host in one order, up to the first catch-all."""
    viewer = Viewer(client.namespace, client.labels)
    made = [one for each in routes for one in ranked(mesh, Listener(viewer, *port, each.kind), each)]
    return cut(each.route for each in sorted(made, key=lambda one: one.rank))


def _used(mesh: Mesh, routes: Iterable[Resource[Any]]) -> list[Resource[Any]]:
    """Those that make rules; a GRPCRoute beside an HTTPRoute of the host is ignored where kinds are not merged."""
    valid = [each for each in routes if isinstance(each.body, HTTPRoute | GRPCRoute) and is_valid(mesh, each)]
    http = [each for each in valid if isinstance(each.body, HTTPRoute)]
    return valid if merges_kinds(mesh) or not http else http
