"""What a server of an Istio Gateway says, and what of it no listener says."""

from __future__ import annotations

from collections.abc import Sequence

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.kinds.networking import Server, ServerTLS
from ambimigrate.model import Mesh, Route
from ambimigrate.topology import meshconfig

HTTP, HTTPS, TLS, TCP = "HTTP", "HTTPS", "TLS", "TCP"
TRUSTED = ("defaultConfig", "gatewayTopology", "numTrustedProxies")
_PLAIN = (HTTP, "HTTP2", "GRPC")
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


def check_names(found: Sequence[Server]) -> None:
    """Raises Refused where Istio takes none of the servers (pkg/config/validation `validateGateway`), or drops one."""
    known = set[str]()
    for number, server in enumerate(found):
        name = server.port.name if server.port else ""
        if name in known:
            reason = (
                f"two servers call their port {name}, which Istio refuses"
                if name
                else "its port has no name, which Istio refuses"
            )
            raise Refused("servers", ("spec", "servers", number, "port"), reason)
        known.add(name)


def check(server: Server, route: Route, account: Account) -> None:
    """Raises Refused for what a listener lacks."""
    account.carry((*route, "port"), "number", "protocol", "name")
    if server.port and server.port.protocol.upper() == "GRPC":
        account.left[(*route, "port", "protocol")] = "older releases of Istio count calls for it; requests are treated as HTTP"
    account.carry(route, "hosts")
    if server.name:
        account.left[(*route, "name")] = "it names statistics only"
    if server.port is None or not server.hosts:
        raise Refused("servers", route, "a server without port or hosts is refused by Istio")
    if server.port.target_port:
        account.left[(*route, "port", "targetPort")] = "Istio does not read it"
    for name, used in (("bind", server.bind), ("defaultEndpoint", server.default_endpoint)):
        if used:
            raise Refused("servers", (*route, name), f"a listener has no {name}")


def protocol(server: Server, route: Route) -> str:
    """The protocol of the listeners. Raises Refused.

    Servers of HTTP, HTTP2 and GRPC without TLS share one table and the same filters (gateway.go
    `createGatewayHTTPFilterChainOpts`); which version of HTTP a client speaks is found out on each connection.
    """
    said = (server.port.protocol if server.port else "").upper()
    mode = server.tls.mode if server.tls else ""
    if said in _PLAIN and (not server.tls or server.tls.https_redirect):
        return HTTP
    if said == HTTPS and mode in {"SIMPLE", "MUTUAL"}:
        return HTTPS
    if said in {HTTPS, TLS} and mode == "PASSTHROUGH":
        return TLS
    if said == TCP and not server.tls:
        return TCP
    what = f"{said} with TLS mode {mode}" if mode else said
    raise Refused("protocol", (*route, "port", "protocol"), f"{what} has no listener that is shown to do the same")


def check_tls(tls: ServerTLS, protocol: str, route: Route, account: Account) -> None:
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


def check_redirect(mesh: Mesh, server: Server, route: Route) -> None:
    """What the redirect of a server does, and a RequestRedirect does not.

    Envoy `createSslRedirectPath` keeps the port of the Host header; on port 80 clients write none. It also spares requests
    whose X-Forwarded-Proto says https, which only counts from trusted proxies in front (`numTrustedProxies`). A host with a
    namespace is no domain of the virtual host that redirects (gateway.go `buildGatewayHTTPRouteConfig`).
    """
    if server.port and server.port.number != 80:
        reason = f"the redirect of port {server.port.number} keeps the port of the Host header, a RequestRedirect drops it"
        witness = f"GET http://…:{server.port.number}/: today Location https://…:{server.port.number}/, then https://…/"
        raise Refused("redirect", (*route, "tls", "httpsRedirect"), reason, witness)
    if limited := next((each for each in server.hosts if "/" in each), None):
        reason = f"Istio redirects {limited} only for hosts of VirtualServices, a RequestRedirect does so for all"
        raise Refused("redirect", (*route, "hosts"), reason)
    if any(said.value not in {0, "0"} for said in meshconfig.settings(mesh, *TRUSTED)):
        raise trusting(route, "meshConfig")


def trusting(route: Route, who: str) -> Refused:
    """Why the redirect of a server has no form where proxies in front are trusted."""
    reason = f"{who} trusts proxies in front: their X-Forwarded-Proto: https spares a request the redirect today"
    witness = "GET http://…/ with X-Forwarded-Proto: https: served today, then 301 again and again"
    return Refused("redirect", (*route, "tls", "httpsRedirect"), reason, witness)
