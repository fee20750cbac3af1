"""Servers as istiod reads them: those of Istio Gateways, and one for each listener of a Gateway of the Gateway API.

Istio, pilot/pkg/model/gateway.go `mergeGateways`, pilot/pkg/config/kube/gateway/gateway_collection.go (1.24 to master of
August 2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import Gateway, IstioGateway
from ambimigrate.kinds.networking import Server as Written
from ambimigrate.kinds.networking import ServerTLS
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.gateways import listeners
from ambimigrate.semantics.gateways.pods import Pods, is_ours, services
from ambimigrate.semantics.visibility import age
from ambimigrate.topology import flags
from ambimigrate.topology.workloads import matches

HTTP = frozenset({"HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB"})
PASSTHROUGH = frozenset({"PASSTHROUGH", "AUTO_PASSTHROUGH"})
_SCOPED = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"


class Tls(Struct, frozen=True):
    """How a server ends TLS. `terms`: its mode with the certificates, as text."""

    mode: str
    redirects: bool = False
    terms: str = ""


class Server(Struct, frozen=True, eq=False):
    """`gateway` is the name by which VirtualServices are bound (namespace/name), `hosts` those without `./` and `*/`.

    `services` are those whose ports count, None where a selector chose the pods.
    """

    owner: Resource[Any]
    gateway: str
    number: int
    protocol: str
    hosts: tuple[str, ...]
    port_name: str = ""
    tls: Tls | None = None
    services: frozenset[str] | None = None

    @property
    def is_http(self) -> bool:
        """Whether it speaks HTTP without TLS."""
        return self.protocol in HTTP

    @property
    def ends_https(self) -> bool:
        return self.protocol == "HTTPS" and self.tls is not None and self.tls.mode not in PASSTHROUGH

    @property
    def passes(self) -> bool:
        """Whether TLS goes through to the backend."""
        return self.tls is not None and self.tls.mode in PASSTHROUGH


def servers(mesh: Mesh, pods: Pods) -> tuple[Server, ...]:
    """The servers for the pods: by age of their Gateways, then by name; those with `bind` are not modelled."""
    labels = dict(pods.labels)
    is_scoped = flags.pilot_env(mesh, _SCOPED) is True
    found: list[tuple[Any, Iterable[Server]]] = []
    for gateway in mesh.of(IstioGateway):
        is_near = not is_scoped or gateway.namespace == pods.namespace
        if is_near and matches(gateway.body.spec.selector, labels):
            found.append(((age(gateway), f"{gateway.name}.{gateway.namespace}"), _of_istio(gateway, pods)))
    for other in mesh.of(Gateway):
        if is_ours(mesh, other) and other.namespace == pods.namespace and _has(other, pods):
            found.extend(_of_listeners(mesh, other))
    return tuple(server for _, made in sorted(found, key=lambda pair: pair[0]) for server in made)


def _has(gateway: Resource[Gateway], pods: Pods) -> bool:
    return bool(listeners.fronts(gateway) & {name for name, _, _ in pods.ports})


def _of_istio(gateway: Resource[IstioGateway], pods: Pods) -> Iterator[Server]:
    for server in gateway.body.spec.servers:
        if server.port is not None and not server.bind:
            yield Server(
                gateway,
                f"{gateway.namespace}/{gateway.name}",
                server.port.number,
                server.port.protocol.upper(),
                tuple(_plain(server, gateway.namespace)),
                server.port.name,
                _tls(server.tls, pods.namespace) if server.tls else None,
            )


def _plain(server: Written, namespace: str) -> Iterator[str]:
    """The hosts with the namespace of the Gateway for `.`, and without `*/` (gateway.go `sanitizeServerHostNamespace`)."""
    if "*/*" in server.hosts:
        yield "*"
        return
    for host in server.hosts:
        place, slash, name = host.partition("/")
        yield host if not slash else f"{namespace}/{name}" if place == "." else name if place == "*" else host


def _tls(found: ServerTLS, namespace: str) -> Tls:
    """Certificates are looked for in the namespace of the pods."""
    names = found.credential_names or ((found.credential_name,) if found.credential_name else ())
    files = (found.server_certificate,) if found.server_certificate and not names else ()
    if found.mode in PASSTHROUGH or not (names or files or found.mode == "ISTIO_MUTUAL"):
        return Tls(found.mode, found.https_redirect, found.mode)
    certificates = (*(each if "/" in each else f"{namespace}/{each}" for each in names), *files)
    return Tls(found.mode, found.https_redirect, " ".join((found.mode, *certificates)))


def _of_listeners(mesh: Mesh, gateway: Resource[Gateway]) -> Iterator[tuple[Any, Iterable[Server]]]:
    """A server for each listener that works, named like the Gateway that istiod makes of it."""
    named = services(gateway)
    fronts = listeners.fronts(gateway) if named is None else frozenset(named)
    for listener in gateway.body.spec.listeners:
        if not listeners.works(mesh, gateway, listener):
            continue
        name = listeners.internal_name(gateway, listener)
        hosts = listeners.hosts(mesh, gateway, listener)
        terms = listeners.tls(gateway, listener)
        tls = Tls(terms.partition(" ")[0], terms=terms) if terms else None
        server = Server(gateway, f"{gateway.namespace}/{name}", listener.port, listener.protocol, hosts, "default", tls, fronts)
        yield (age(gateway), f"{name}.{gateway.namespace}"), (server,)
