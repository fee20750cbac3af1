"""The servers of an Istio Gateway as listeners, one for each host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.gateways.binding import ALL, server_hosts
from ambimigrate.converters.gateways.front import Front
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import IstioGateway
from ambimigrate.kinds.networking import Server, ServerTLS
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts, meshconfig

COALESCED = "GW903"
MODE = "gateway.istio.io/tls-terminate-mode"
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_UNSAID = {  # attribute and field of what a listener cannot say
    "server_certificate": "serverCertificate",
    "private_key": "privateKey",
    "ca_certificates": "caCertificates",
    "ca_crl": "caCrl",
    "credential_names": "credentialNames",
    "ca_cert_credential_name": "caCertCredentialName",
    "tls_certificates": "tlsCertificates",
    "subject_alt_names": "subjectAltNames",
    "verify_certificate_spki": "verifyCertificateSpki",
    "verify_certificate_hash": "verifyCertificateHash",
    "cipher_suites": "cipherSuites",
    "insecure_skip_verify": "insecureSkipVerify",
}
HTTP, HTTPS, TLS, TCP = "HTTP", "HTTPS", "TLS", "TCP"
_TRUSTED = ("defaultConfig", "gatewayTopology", "numTrustedProxies")
_MOST = 64  # Gateway API: listeners of a Gateway


class Listener(Struct, frozen=True):
    """A listener to be: its server, host (`*` for all) and the namespaces whose routes it takes (`*` for all)."""

    name: str
    server: Server
    route: Route
    protocol: str
    host: str
    namespaces: tuple[str, ...]
    redirects: bool = False

    @property
    def port(self) -> int:
        return self.server.port.number if self.server.port else 0

    def takes(self, namespace: str) -> bool:
        """Whether routes of the namespace may be attached."""
        return ALL in self.namespaces or namespace in self.namespaces

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
    for number, server in enumerate(gateway.body.spec.servers):
        for each in _of_server(mesh, gateway, server, number, account):
            _check_port(each, front)
            key = each.port, "TCP" if each.protocol == TCP else each.protocol, each.host
            known = found.get(key)
            if known is not None and (known.server is not server):
                raise Refused(
                    "servers", (*each.route, "hosts"), f"two servers are for {each.host}:{each.port}; Istio keeps one of them"
                )
            both = {*known.namespaces, *each.namespaces} if known else set(each.namespaces)
            found[key] = replace(each, namespaces=tuple(sorted(both)))
        _check_coalescing(gateway, server, number, account, settings)
    _check_protocols(tuple(found.values()))
    if len(found) > _MOST or not found:
        raise Refused("servers", ("spec", "servers"), f"a Gateway has 1 to {_MOST} listeners, this one would have {len(found)}")
    return tuple(_named(list(found.values())))


def _of_server(
    mesh: Mesh, gateway: Resource[IstioGateway], server: Server, number: int, account: Account
) -> Iterator[Listener]:
    route: Route = ("spec", "servers", number)
    _check_server(server, route, account)
    protocol = _protocol(server, route)
    redirects = bool(server.tls and server.tls.https_redirect)
    if redirects:
        _check_redirect(mesh, server, route)
    if server.tls:
        _tls(server.tls, protocol, (*route, "tls"), account)
    for namespace, host in server_hosts(server, gateway):
        lower = host.lower()
        if lower != ALL and not _HOST.fullmatch(lower):
            raise Refused("host", (*route, "hosts"), f"no listener is for {host}")
        if protocol == TCP and lower != ALL:
            account.left[(*route, "hosts")] = "a TCP server takes every connection, whatever host it asks for"
        yield Listener("", server, route, protocol, ALL if protocol == TCP else lower, (namespace,), redirects)


def _check_server(server: Server, route: Route, account: Account) -> None:
    account.carry((*route, "port"), "number", "protocol", "name")
    account.carry(route, "hosts", "name")
    if server.port is None or not server.hosts:
        raise Refused("servers", route, "a server without port or hosts is refused by Istio")
    if server.port.target_port:
        account.left[(*route, "port", "targetPort")] = "Istio does not read it"
    for name, used in (("bind", server.bind), ("defaultEndpoint", server.default_endpoint)):
        if used:
            raise Refused("servers", (*route, name), f"a listener has no {name}")


def _protocol(server: Server, route: Route) -> str:
    protocol = (server.port.protocol if server.port else "").upper()
    mode = server.tls.mode if server.tls else ""
    if protocol == HTTP and (not server.tls or server.tls.https_redirect):
        return HTTP
    if protocol == HTTPS and mode in {"SIMPLE", "MUTUAL"}:
        return HTTPS
    if protocol in {HTTPS, TLS} and mode == "PASSTHROUGH":
        return TLS
    if protocol == TCP and not server.tls:
        return TCP
    what = f"{protocol} with TLS mode {mode}" if mode else protocol
    raise Refused("protocol", (*route, "port", "protocol"), f"{what} has no listener that is shown to do the same")


def _tls(tls: ServerTLS, protocol: str, route: Route, account: Account) -> None:
    """The Secret is looked up in the namespace of the pods (credentials `ParseResourceName`): there the Gateway will be, too.

    TLS 1.2 is the lowest and 1.3 the highest version of gateways anyhow.
    """
    account.carry(route, "httpsRedirect", "mode", "credentialName", "minProtocolVersion", "maxProtocolVersion")
    for attribute, name in _UNSAID.items():
        if getattr(tls, attribute):
            raise Refused("tls", (*route, name), f"a listener has no {name}")
    if tls.min_protocol_version not in {"TLS_AUTO", "TLSV1_2"} or tls.max_protocol_version not in {"TLS_AUTO", "TLSV1_3"}:
        raise Refused("tls", route, "no listener chooses versions of TLS")
    if protocol == HTTPS and (not tls.credential_name or "/" in tls.credential_name):
        raise Refused("tls", (*route, "credentialName"), "a listener needs the name of a Secret with its certificate")
    if protocol == HTTPS and tls.https_redirect:
        raise Refused("tls", (*route, "httpsRedirect"), "it means nothing for HTTPS")


def _check_redirect(mesh: Mesh, server: Server, route: Route) -> None:
    """What the redirect of a server does, and a RequestRedirect does not.

    Envoy `createSslRedirectPath` keeps the port of the Host header; on port 80 clients write none. It also spares requests
    whose X-Forwarded-Proto says https, which only counts from trusted proxies in front (`numTrustedProxies`).
    """
    if server.port and server.port.number != 80:
        reason = f"the redirect of port {server.port.number} keeps the port of the Host header, a RequestRedirect drops it"
        witness = f"GET http://…:{server.port.number}/: today Location https://…:{server.port.number}/, then https://…/"
        raise Refused("redirect", (*route, "tls", "httpsRedirect"), reason, witness)
    if any(said.value not in {0, "0"} for said in meshconfig.settings(mesh, *_TRUSTED)):
        raise _trusting(route, "meshConfig")


def check_pods(front: Front, found: tuple[Listener, ...]) -> None:
    """Trusted proxies that an annotation of the pods names. Raises Refused."""
    for each in found:
        if each.redirects and any(_TRUSTED[-1] in text for pod in front.pods for text in pod.annotations.values()):
            raise _trusting(each.route, "an annotation of its pods")


def _trusting(route: Route, who: str) -> Refused:
    reason = f"{who} trusts proxies in front: their X-Forwarded-Proto: https spares a request the redirect today"
    witness = "GET http://…/ with X-Forwarded-Proto: https: served today, then 301 again and again"
    return Refused("redirect", (*route, "tls", "httpsRedirect"), reason, witness)


def _check_port(listener: Listener, front: Front) -> None:
    """Ports of a listener are those of the Service; of an Istio Gateway also those of the pods (gateway.go `resolvePorts`)."""
    ports = [each.port for each in front.service.body.spec.ports if each.protocol in {"", "TCP"}]
    if listener.port not in ports:
        reason = f"Service {front.service.name} has no port {listener.port}, and a listener names a port of the Service"
        raise Refused("port", (*listener.route, "port", "number"), reason)


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
            if each.redirects != other.redirects and (
                hosts.covers(each.host, other.host) or hosts.covers(other.host, each.host)
            ):
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
        yield replace(each, name=own)
