"""What the sidecar of a client does with a request: the virtual host of its Host header, and that one's first matching route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import paths, proxy, registry, retry, sidecar_rules, visibility
from ambimigrate.semantics.decision import Client, Decision, Outcome, Received, Request
from ambimigrate.semantics.destinations import Viewer, cluster, hash_policy
from ambimigrate.semantics.envoy import Forward, Match, Route, Target
from ambimigrate.semantics.registry import Entry
from ambimigrate.semantics.strings import Prefix
from ambimigrate.topology import hosts, meshconfig
from ambimigrate.versions import at_least

_UNREGISTERED = 80  # the only port on which a VirtualService makes virtual hosts for names outside the registry


def decide(mesh: Mesh, client: Client, request: Request) -> Decision:
    """The decision on the port that the client dials; the address plays no part unless nobody knows the Host header."""
    normal = replace(request, path=paths.normalized(mesh, request.path))
    name = _name(mesh, request.host)
    entry = _entry(mesh, client, name, request.port)
    if entry is not None:
        return proxy.decide(routes(mesh, client, entry.host, request.port), normal)
    found = mesh.index(_Foreign(client, name)) if request.port == _UNREGISTERED else ()
    return proxy.decide(found, normal) if found else _passed_through(mesh, client, request)


def _name(mesh: Mesh, authority: str) -> str:
    """The Host header without port; with a trailing dot it is known from 1.27 on."""
    name, colon, port = authority.rpartition(":")
    name = (name if colon and port.isdigit() else authority).lower().strip("[]")
    return name.removesuffix(".") if at_least(mesh.target.istio, "1.27.0") else name


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
        and visibility.scope(mesh, entry.owner, entry.export_to, client.namespace) is not None
        and visibility.imports(mesh, client, port, entry.namespace, entry.host)
    )


def routes(mesh: Mesh, client: Client, host: str, port: int) -> tuple[Route, ...]:
    """The routes of a host's virtual host, made once for a client and a port."""
    return mesh.index(_VirtualHost(client, host, port))


@dataclass(frozen=True, slots=True)
class _VirtualHost:
    client: Client
    host: str
    port: int

    def __call__(self, mesh: Mesh) -> tuple[Route, ...]:
        """Those of the first VirtualService that has any for this client and port, else the default route."""
        for resource in _candidates(mesh, self.client, self.host, self.port):
            if made := sidecar_rules.compiled(mesh, self.client, self.port, resource):
                return made
        return (_default(mesh, self.client, self.host, self.port),)


@dataclass(frozen=True, slots=True)
class _Foreign:
    """The virtual host that VirtualServices make for a name outside the registry."""

    client: Client
    name: str

    def __call__(self, mesh: Mesh) -> tuple[Route, ...]:
        for resource in _candidates(mesh, self.client, self.name, _UNREGISTERED):
            if made := sidecar_rules.compiled(mesh, self.client, _UNREGISTERED, resource):
                return made
        return ()


def _candidates(mesh: Mesh, client: Client, host: str, port: int) -> Iterator[Resource[VirtualService]]:
    """All that name the host exactly, the oldest first; without one, the first of the longest wildcard that covers it."""
    named = ((each, visibility.written_hosts(each)) for _, each in visibility.virtual_services(mesh, client.namespace))
    seen = [
        (each, names)
        for each, names in named
        if any(hosts.covers(name, host) for name in names)
        and any(visibility.imports(mesh, client, port, each.namespace, name) for name in names)
    ]
    exact = [each for each, names in seen if host in names]
    if exact:
        yield from exact
        return
    longest = max((name for _, names in seen for name in names if hosts.covers(name, host)), key=len, default=None)
    yield from [each for each, names in seen if longest in names][:1]


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
    asked = proxy.message(request)
    entry = registry.by_address(mesh, request.to)
    known = entry is not None and request.port in entry.ports
    backends = registry.endpoints(mesh, entry, request.port, {}) if entry and known else (f"{request.to}:{request.port}",)
    received = Received(request.method, request.path, request.host, tuple(sorted(asked.headers, key=lambda each: each[0])))
    response = tuple(sorted((name.lower(), value) for name, value in request.reply))
    return Decision(((100.0, Outcome(200, backends, received, response=response)),))


def _allows_any(mesh: Mesh, client: Client) -> bool:
    own = visibility.sidecar_of(mesh, client)
    if own is not None and own.body.spec.outbound_traffic_policy is not None:
        return own.body.spec.outbound_traffic_policy.mode == "ALLOW_ANY"
    return next((each.value for each in meshconfig.settings(mesh, "outboundTrafficPolicy", "mode")), "ALLOW_ANY") == "ALLOW_ANY"
