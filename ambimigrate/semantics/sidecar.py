"""What the sidecar of a client does with a request: the first matching route of the virtual host of its Host header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import (
    authority,
    direct,
    paths,
    proxy,
    registry,
    retry,
    sidecar_connections,
    sidecar_rules,
    visibility,
    waypoint_routes,
)
from ambimigrate.semantics.chain import Chain
from ambimigrate.semantics.connections import Connection
from ambimigrate.semantics.decision import Client, Decision, Outcome, Request
from ambimigrate.semantics.destinations import Viewer, cluster, hash_policy
from ambimigrate.semantics.envoy import Forward, Match, Route, Target
from ambimigrate.semantics.registry import Entry
from ambimigrate.semantics.strings import Prefix
from ambimigrate.semantics.visibility import Seen
from ambimigrate.topology import hosts, meshconfig
from ambimigrate.versions import Version

_List = tuple[Route, ...] | Resource[VirtualService]
_UNREGISTERED = 80  # the only port on which a VirtualService makes virtual hosts for names outside the registry


def decide(mesh: Mesh, client: Client, request: Request, release: Version | None = None) -> Decision:
    """The decision on the port that the client dials; the address plays no part unless nobody knows the Host header.

    `release`: of the proxy, where that is not the control plane's.
    """
    dialled = registry.by_address(mesh, request.to)
    if dialled is not None and request.port in dialled.ports and not registry.carries_http(dialled, request.port):
        connection = Connection(request.to, request.port)
        return direct.carry(sidecar_connections.decide(mesh, client, connection), request)
    normal = replace(request, path=paths.normalized(mesh, request.path))
    name = authority.name(request.host, mesh.target.istio)
    entry = _entry(mesh, client, name, request.port)
    if entry is not None:
        return proxy.decide(routes(mesh, client, entry.host, request.port), normal, release or mesh.target.istio)
    found = mesh.index(_Foreign(client, name)) if request.port == _UNREGISTERED else ()
    return proxy.decide(found, normal, release or mesh.target.istio) if found else _passed_through(mesh, client, request)


def knows(mesh: Mesh, client: Client, host: str, port: int) -> bool:
    """Whether the client's sidecar has a virtual host for this Host header; `exportTo` and its `Sidecar` may hide it."""
    return _entry(mesh, client, authority.name(host, mesh.target.istio), port) is not None


def _entry(mesh: Mesh, client: Client, name: str, port: int) -> Entry | None:
    """The host that the client means: a full name, a short form as seen from its namespace, an address, a wildcard."""
    known = registry.entries(mesh)
    forms = (
        name,
        f"{name}.{client.namespace}.{hosts.DOMAIN}",
        f"{name}.{hosts.DOMAIN}",
        f"{name}.{hosts.DOMAIN.partition('.')[2]}",
    )
    exact = (known[form] for form in forms if form in known)
    found = next((each for each in exact if _sees(mesh, client, each, port)), None)
    if found is not None:
        return found
    addressed = registry.by_address(mesh, name)
    if addressed is not None and _sees(mesh, client, addressed, port):
        return addressed
    wild = [each for each in known.values() if each.host.startswith("*") and hosts.covers(each.host, name)]
    return max((each for each in wild if _sees(mesh, client, each, port)), key=lambda each: len(each.host), default=None)


def _sees(mesh: Mesh, client: Client, entry: Entry, port: int) -> bool:
    return (
        port in entry.ports
        and registry.carries_http(entry, port)
        and visibility.scope(mesh, entry.owner, entry.export_to, client.namespace) is not None
        and visibility.imports(mesh, client, port, entry.namespace, entry.host)
    )


def routes(mesh: Mesh, client: Client, host: str, port: int) -> tuple[Route, ...]:
    """The routes of a host's virtual host, made once for a client and a port."""
    return mesh.index(_VirtualHost(client, host, port))


class _VirtualHost(Struct, frozen=True):
    client: Client
    host: str
    port: int

    def __call__(self, mesh: Mesh) -> tuple[Route, ...]:
        """The first list that has any route for this client and port, else the default route."""
        lists = [*_from_routes(mesh, self.client, self.host, self.port)]
        found = _named(mesh, self.client, self.host, self.port, is_taken=bool(lists))
        lists += [(each.order, each.resource) for each in found]
        ordered = (each for _, each in sorted(lists, key=lambda pair: pair[0]))
        made = (_routes_of(mesh, self.client, self.port, each) for each in ordered)
        return next((each for each in made if each), None) or (_default(mesh, self.client, self.host, self.port),)


class _Foreign(Struct, frozen=True):
    """The virtual host that VirtualServices make for a name outside the registry."""

    client: Client
    name: str

    def __call__(self, mesh: Mesh) -> tuple[Route, ...]:
        found = _named(mesh, self.client, self.name, _UNREGISTERED, is_taken=False)
        made = (sidecar_rules.compiled(mesh, self.client, _UNREGISTERED, each.resource) for each in found)
        return next((each for each in made if each), ())


def _routes_of(mesh: Mesh, client: Client, port: int, found: _List) -> tuple[Route, ...]:
    return sidecar_rules.compiled(mesh, client, port, found) if isinstance(found, Resource) else found


def _named(mesh: Mesh, client: Client, host: str, port: int, *, is_taken: bool) -> tuple[Seen, ...]:
    """All VirtualServices that name the host exactly; if nothing does, the first of the longest wildcard that covers it."""
    found = {
        name: tuple(each for each in listed if visibility.imports(mesh, client, port, each.resource.namespace, name))
        for name, listed in visibility.virtual_services(mesh, client.namespace, host).items()
    }
    exact = found.pop(host, ())
    if exact or is_taken:
        return exact
    longest = max((name for name, listed in found.items() if listed), key=len, default=None)
    return found[longest][:1] if longest else ()


def _from_routes(mesh: Mesh, client: Client, host: str, port: int) -> Iterator[tuple[tuple[Any, ...], _List]]:
    """The lists that HTTPRoutes make: of the host's namespace for everybody, of the client's for its own pods alone.

    Those of the client's namespace are the first of their group (UnifiedSidecarScoping, 1.24+).
    """
    entry = registry.entries(mesh).get(host)
    if entry is None:
        return
    for each in waypoint_routes.lists(mesh, Chain(client.namespace, entry.namespace, host, port)):
        scope = 2 if each.namespace == entry.namespace else 0
        yield (scope, each.namespace != client.namespace, *each.order), each.routes


def _default(mesh: Mesh, client: Client, host: str, port: int) -> Route:
    """To the host itself, with the retries of the mesh."""
    viewer = Viewer(client.namespace, client.labels)
    hashed = hash_policy(mesh, viewer, host, port, "")
    retries = retry.mesh_default(mesh)
    if retries:
        retries = replace(retries, other_hosts=not hashed)
    return Route(Match(Prefix("/")), Forward((Target(cluster(mesh, viewer, host, port, "")),), retries=retries, hash=hashed))


def _passed_through(mesh: Mesh, client: Client, request: Request) -> Decision:
    """A Host header that nobody knows: on to the dialled address as it is, or 502."""
    if not _allows_any(mesh, client):
        return Decision(((100.0, Outcome(502)),), unmatched=True)
    return direct.decide(mesh, request)


def _allows_any(mesh: Mesh, client: Client) -> bool:
    own = visibility.sidecar_of(mesh, client)
    if own is not None and own.body.spec.outbound_traffic_policy is not None:
        return own.body.spec.outbound_traffic_policy.mode == "ALLOW_ANY"
    return next((each.value for each in meshconfig.settings(mesh, "outboundTrafficPolicy", "mode")), "ALLOW_ANY") == "ALLOW_ANY"
