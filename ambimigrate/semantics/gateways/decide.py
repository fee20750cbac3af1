"""What gateway pods do with a connection and the request in it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.model import Mesh
from ambimigrate.semantics import authority, paths, proxy
from ambimigrate.semantics.connections import shared
from ambimigrate.semantics.decision import Decision, Outcome, Request
from ambimigrate.semantics.gateways.chains import Chain, chains, pick
from ambimigrate.semantics.gateways.merging import merged
from ambimigrate.semantics.gateways.names import chosen
from ambimigrate.semantics.gateways.pods import Pods
from ambimigrate.semantics.gateways.servers import Server
from ambimigrate.semantics.gateways.virtualhosts import virtual_hosts
from ambimigrate.topology import meshconfig

MUTUAL = "ISTIO_MUTUAL"
_PROTO = "x-forwarded-proto"


class Arrival(Struct, frozen=True):
    """A connection to a port of a gateway, with or without TLS, and the request that it carries if HTTP is spoken there.

    `is_meshed`: the client has a certificate of the mesh, which servers with ISTIO_MUTUAL ask for.
    """

    port: int
    request: Request
    tls: bool = False
    sni: str = ""
    is_meshed: bool = False


class Handled(Struct, frozen=True):
    """What becomes of it, and on which terms TLS ended, "" where it did not."""

    decision: Decision
    terms: str = ""


CLOSED = Handled(Decision(((100.0, Outcome(0)),), unmatched=True))


def decide(mesh: Mesh, pods: Pods, arrival: Arrival) -> Handled:
    """Nobody listens, no chain has the server name, or TLS meets none: the connection is closed."""
    target = pods.reached(arrival.port)
    port = merged(mesh, pods).get(target) if target is not None else None
    if port is None:
        return CLOSED
    if port.is_http:
        return CLOSED if arrival.tls else Handled(_routed(mesh, pods, port.servers, _seen(mesh, arrival)))
    found = chains(mesh, pods.client, port.servers)
    chain = pick(found, arrival.sni if arrival.tls else "")
    if chain is None or (chain.server.tls is not None and not arrival.tls):
        return CLOSED
    if chain.server.tls is not None and chain.server.tls.mode == MUTUAL and not arrival.is_meshed:
        return CLOSED
    return _through(mesh, pods, chain, arrival)


def _through(mesh: Mesh, pods: Pods, chain: Chain, arrival: Arrival) -> Handled:
    server = chain.server
    terms = server.tls.terms if server.tls is not None and not server.passes else ""
    if chain.shares is not None:
        return Handled(shared(chain.shares), terms)
    return Handled(_routed(mesh, pods, (server,), replace(arrival.request, scheme="https")), terms)


def _seen(mesh: Mesh, arrival: Arrival) -> Request:
    """The scheme of a request without TLS: what a proxy in front says counts if the mesh trusts such."""
    said = next((value for name, value in arrival.request.headers if name.lower() == _PROTO), "")
    return replace(arrival.request, scheme=said if said and trusts_proxies(mesh) else "http")


def trusts_proxies(mesh: Mesh) -> bool:
    """Whether proxies in front of gateways are believed (`gatewayTopology.numTrustedProxies` of the mesh)."""
    found = meshconfig.settings(mesh, "defaultConfig", "gatewayTopology", "numTrustedProxies")
    return any(isinstance(each.value, int) and each.value > 0 for each in found)


def _routed(mesh: Mesh, pods: Pods, servers: tuple[Server, ...], request: Request) -> Decision:
    """By the virtual host of the Host header; 404 without one. The answer of `httpsRedirect` keeps host, port and path.

    Envoy, source/common/router/config_impl.cc `SslRedirectRoute` and source/common/http/utility.cc `createSslRedirectPath`.
    """
    hosts = virtual_hosts(mesh, pods.client, servers)
    name = chosen(hosts, authority.name(request.host, mesh.target.istio))
    normal = replace(request, path=paths.normalized(mesh, request.path))
    if name is not None and hosts[name].redirects and request.scheme != "https":
        location = f"https://{request.host}{normal.path}"
        return Decision(((100.0, Outcome(301, location=location)),))
    return proxy.decide(hosts[name].routes if name is not None else (), normal, mesh.target.istio)
