"""The servers of an Istio Gateway as listeners, one for each host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.gateways import servers
from ambimigrate.converters.gateways.binding import ALL, server_hosts
from ambimigrate.converters.gateways.front import Front
from ambimigrate.converters.gateways.servers import HTTPS, TCP, TLS
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import IstioGateway
from ambimigrate.kinds.networking import Server
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts

COALESCED = "GW903"
MODE = "gateway.istio.io/tls-terminate-mode"
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TCP = frozenset({"", "TCP"})  # protocols of the ports of a Service; HTTP/3 has UDP ports of the same numbers
_MOST = 64  # Gateway API: listeners of a Gateway


class Listener(Struct, frozen=True):
    """A listener to be: its server, host (`*` for all) and the namespaces whose routes it takes (`*` for all).

    `home` is the namespace of the pods that it configures; `finer` are the listeners of its port and protocol for a part of
    its hosts, which alone take routes for these (conversion.go `hostnameAllowedByIsolation`).
    """

    name: str
    server: Server
    route: Route
    protocol: str
    host: str
    namespaces: tuple[str, ...]
    redirects: bool = False
    home: str = ""
    finer: tuple[Listener, ...] = ()

    @property
    def port(self) -> int:
        return self.server.port.number if self.server.port else 0

    def takes(self, namespace: str) -> bool:
        """Whether routes of the namespace may be attached."""
        return ALL in self.namespaces or namespace in self.namespaces

    def gives_up(self, host: str, namespace: str, route: Route) -> bool:
        """Whether a finer listener takes the host in place of this one. Raises Refused if it does not take the namespace."""
        finer = [each for each in self.finer if hosts.covers(each.host, host)]
        best = max(finer, key=lambda each: len(each.host), default=None)
        if best and not best.takes(namespace) and self.protocol != HTTPS:  # whose connections are another matter
            reason = f"{host} comes by server {self.host} today; as listeners, by {best.host}, which is not for {namespace}"
            raise Refused("host", route, reason)
        return best is not None

    def value(self) -> dict[str, Any]:
        """The listener as it is written."""
        found: dict[str, Any] = {"name": self.name}
        if self.host != ALL:
            found["hostname"] = self.host
        found |= {"port": self.port, "protocol": self.protocol}
        if self.protocol == TLS:
            found["tls"] = {"mode": "Passthrough"}
        elif self.protocol == HTTPS and self.server.tls:
            ref = {"group": "", "kind": "Secret", "name": self.server.tls.credential_name}
            found["tls"] = {"mode": "Terminate", "certificateRefs": [ref]}
            if self.server.tls.mode == "MUTUAL":
                found["tls"]["options"] = {MODE: "MUTUAL"}
        return found | {"allowedRoutes": {"namespaces": self._allowed()}}

    def _allowed(self) -> dict[str, Any]:
        if ALL in self.namespaces:
            return {"from": "All"}
        expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": sorted(self.namespaces)}
        return {"from": "Selector", "selector": {"matchExpressions": [expression]}}


def listeners(
    mesh: Mesh, gateway: Resource[IstioGateway], front: Front, account: Account, settings: Settings
) -> tuple[Listener, ...]:
    """The listeners of a Gateway. Raises Refused."""
    found: dict[tuple[int, str, str], Listener] = {}
    account.carry(("spec", "selector"))
    servers.check_names(gateway.body.spec.servers)
    for number, server in enumerate(gateway.body.spec.servers):
        for each in _of_server(mesh, gateway, server, number, account):
            _check_port(each, front)
            key = each.port, TLS if each.protocol == HTTPS else each.protocol, each.host
            known = found.get(key)
            if known is not None and (known.server is not server):
                raise Refused(
                    "servers", (*each.route, "hosts"), f"two servers are for {each.host}:{each.port}; Istio keeps one of them"
                )
            both = {*known.namespaces, *each.namespaces} if known else set(each.namespaces)
            found[key] = replace(each, namespaces=tuple(sorted(both)), home=front.service.namespace)
        _check_coalescing(gateway, server, number, account, settings)
    _check_protocols(tuple(found.values()))
    _check_overlaps(gateway, tuple(found.values()), account, settings)
    _check_targets(tuple(found.values()), front)
    if len(found) > _MOST or not found:
        raise Refused("servers", ("spec", "servers"), f"a Gateway has 1 to {_MOST} listeners, this one would have {len(found)}")
    return tuple(_named(list(found.values())))


def _of_server(
    mesh: Mesh, gateway: Resource[IstioGateway], server: Server, number: int, account: Account
) -> Iterator[Listener]:
    route: Route = ("spec", "servers", number)
    servers.check(server, route, account)
    protocol = servers.protocol(server, route)
    redirects = bool(server.tls and server.tls.https_redirect)
    if redirects:
        servers.check_redirect(mesh, server, route)
    if server.tls:
        servers.check_tls(server.tls, protocol, (*route, "tls"), account)
    for namespace, host in server_hosts(server, gateway):
        lower = host.lower()
        if lower != ALL and not _HOST.fullmatch(lower):
            raise Refused("host", (*route, "hosts"), f"no listener is for {host}")
        if protocol == TCP and lower != ALL:
            account.left[(*route, "hosts")] = "a TCP server takes every connection, whatever host it asks for"
        yield Listener("", server, route, protocol, ALL if protocol == TCP else lower, (namespace,), redirects)


def check_pods(front: Front, found: tuple[Listener, ...]) -> None:
    """Trusted proxies that an annotation of the pods names. Raises Refused."""
    for each in found:
        if each.redirects and any(servers.TRUSTED[-1] in text for pod in front.pods for text in pod.annotations.values()):
            raise servers.trusting(each.route, "an annotation of its pods")


def _check_port(listener: Listener, front: Front) -> None:
    """Ports of a listener are those of the Service; of an Istio Gateway also those of the pods (gateway.go `resolvePorts`)."""
    ports = [each.port for each in front.service.body.spec.ports if each.protocol in _TCP]
    if listener.port not in ports:
        reason = f"Service {front.service.name} has no port {listener.port}, and a listener names a port of the Service"
        raise Refused("port", (*listener.route, "port", "number"), reason)


def _check_targets(found: tuple[Listener, ...], front: Front) -> None:
    """Servers of one port of the pods share a table; a port that entries ask for is then that of the first. Raises Refused."""
    targets = {each.port: each.target_port or each.port for each in front.service.body.spec.ports if each.protocol in _TCP}
    known: dict[int | str, int] = {}
    for each in found:
        if (other := known.setdefault(targets[each.port], each.port)) != each.port:
            reason = f"ports {other} and {each.port} of Service {front.service.name} lead to one port of the pods"
            raise Refused("port", (*each.route, "port", "number"), reason)


def _check_coalescing(
    gateway: Resource[IstioGateway], server: Server, number: int, account: Account, settings: Settings
) -> None:
    """Hosts of one HTTPS server share its routes on one connection, listeners do not."""
    names = sorted({host for _, host in server_hosts(server, gateway)})
    if not server.tls or server.tls.https_redirect or server.tls.mode == "PASSTHROUGH" or len(names) < 2:
        return
    first, other = names[:2]
    reason = "its hosts share connections; as listeners of their own, a connection for one host gets 404 for another"
    witness = f"HTTP/2 with server name {first} and Host {other} on one connection: served today, then 404"
    account.agree(settings, COALESCED, gateway, Refused("coalescing", ("spec", "servers", number, "hosts"), reason, witness))


def _check_overlaps(gateway: Resource[IstioGateway], found: tuple[Listener, ...], account: Account, settings: Settings) -> None:
    """HTTPS servers of overlapping hosts each serve what their connections ask for, listeners only what is theirs."""
    for each, other in permutations(found, 2):
        if each.protocol == HTTPS and each.server is not other.server and _is_finer(other, each):
            first = other.host.replace("*", "x")
            reason = f"connections of server {each.host} also get {other.host}; as listeners, they get 404 for it"
            witness = f"HTTPS without server name {first} and Host {first}: served today, then 404"
            route = (*each.route, "hosts")
            account.agree(settings, COALESCED, gateway, Refused("coalescing", route, reason, witness))


def _is_finer(one: Listener, other: Listener) -> bool:
    """Whether a listener is for a part of the hosts of another one of its port and protocol."""
    same = (one.port, one.protocol) == (other.port, other.protocol)
    return same and one.host != other.host and hosts.covers(other.host, one.host)


def _check_protocols(found: tuple[Listener, ...]) -> None:
    """Servers of one port speak alike: plain HTTP, or TLS, or one TCP server (gateway.go `mergeGateways`). Raises Refused."""
    for i, each in enumerate(found):
        for other in found[:i]:
            if each.port != other.port:
                continue
            kinds = {each.protocol, other.protocol}
            if (len(kinds) > 1 and kinds != {HTTPS, TLS}) or kinds == {TCP}:
                raise Refused(
                    "servers", (*each.route, "port"), f"servers of port {each.port} speak differently, Istio keeps one"
                )
            if each.redirects != other.redirects and hosts.meet(each.host, other.host):
                reason = (
                    f"servers of port {each.port} redirect {each.host if each.redirects else other.host} and serve a part of it"
                )
                raise Refused("servers", (*each.route, "tls"), reason)


def _named(found: list[Listener]) -> Iterator[Listener]:
    """The listeners under names of their own."""
    used: set[str] = set()
    for each in found:
        several = len([one for one in found if (one.port, one.protocol) == (each.port, each.protocol)]) > 1
        host = each.host.replace("*", "any").replace(".", "-")
        name = f"{each.protocol.lower()}-{each.port}" + (f"-{host}" if several else "")
        own, number = name[:60], 1
        while own in used:
            number += 1
            own = f"{name[:56]}-{number}"
        used.add(own)
        yield replace(each, name=own, finer=tuple(one for one in found if _is_finer(one, each)))
