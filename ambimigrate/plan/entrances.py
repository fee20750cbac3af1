"""Ways in through ingress gateways for trials: plain routes of VirtualServices that leave the request as it is."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, IstioGateway, RequestAuthentication, Service, VirtualService
from ambimigrate.kinds.networking import Server
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, policies, virtualservices
from ambimigrate.topology.workloads import Workload, matches, selected_anywhere, services_of

_TLS = frozenset({"SIMPLE", "OPTIONAL_MUTUAL"})  # clients need no certificate


class Entrance(Struct, frozen=True):
    """A gateway's port, the host that its clients ask for, and the rules of which one leads to the Service."""

    workload: Workload
    address: str  # name and port of the gateway's Service
    scheme: str
    host: str
    port: int
    rules: tuple[HTTPRule, ...]
    number: int  # of the rule that leads to the Service

    def takes(self, path: str) -> bool:
        """Whether a request for the path comes to that rule, as far as paths alone decide."""
        earlier = self.rules[: self.number]
        return not any(_may_take(each, path) for each in earlier) and _takes(self.rules[self.number], path)


def entrances(mesh: Mesh, service: Resource[Service]) -> tuple[Entrance, ...]:
    """The ways in to a Service; asked for often, so they are kept."""
    known = mesh.index(_known)
    if id(service) not in known:
        known[id(service)] = tuple(_entrances(mesh, service))
    return known[id(service)]


def _known(_mesh: Mesh) -> dict[int, tuple[Entrance, ...]]:
    return {}


def _entrances(mesh: Mesh, service: Resource[Service]) -> Iterator[Entrance]:
    for vs in mesh.of(VirtualService):
        rules = enumerate(vs.body.spec.http) if virtualservices.is_of_gateway(vs.body) else ()
        leading = (number for number, rule in rules if _is_plain(rule) and _leads_to(mesh, vs, rule, service))
        yield from (each for number in leading for each in _through(mesh, vs, number))


def _is_plain(rule: HTTPRule) -> bool:
    changing = (rule.rewrite, rule.redirect, rule.direct_response, rule.delegate, rule.fault, rule.headers)
    return len(rule.route) == 1 and all(each is None for each in changing) and rule.route[0].headers is None


def _leads_to(mesh: Mesh, vs: Resource[VirtualService], rule: HTTPRule, service: Resource[Service]) -> bool:
    found = hosts.service(mesh, rule.route[0].destination.host, vs.namespace, vs.file)
    return found is service


def _through(mesh: Mesh, vs: Resource[VirtualService], number: int) -> Iterator[Entrance]:
    for name in (each for each in vs.body.spec.gateways if each != virtualservices.MESH):
        space, _, own = name.rpartition("/")
        gateway = mesh.find(IstioGateway, space or vs.namespace, own, vs.file)
        members = selected_anywhere(mesh, gateway.body.spec.selector) if gateway else ()
        free = [each for each in members if not _is_guarded(mesh, each)]
        servers = gateway.body.spec.servers if gateway else ()
        yield from (each for workload in free for server in servers for each in _at(mesh, workload, server, vs, number))


def _is_guarded(mesh: Mesh, workload: Workload) -> bool:
    """Whether policies of the gateway itself decide first."""
    own = (*mesh.of(AuthorizationPolicy), *mesh.of(RequestAuthentication))
    near = (each for each in own if each.namespace == workload.namespace or policies.is_root(mesh, each))
    return any(not policies.targets(each) and matches(policies.selector(each), workload.labels) for each in near)


def _at(mesh: Mesh, workload: Workload, server: Server, vs: Resource[VirtualService], number: int) -> Iterator[Entrance]:
    scheme = _scheme(server)
    own = services_of(mesh, workload)
    wanted = server.port.number if server.port else 0
    front = next((each for each in own if any(port.port == wanted for port in each.body.spec.ports)), None)
    host = next((each for each in vs.body.spec.hosts if "*" not in each and _covers(server, each)), None)
    if scheme and front is not None and host is not None:
        address = f"{hosts.host_of(front)}:{wanted}"
        yield Entrance(workload, address, scheme, host, wanted, vs.body.spec.http, number)


def _scheme(server: Server) -> str:
    """How clients speak to the server; empty where a probe could not."""
    protocol = server.port.protocol.upper() if server.port else ""
    if protocol in {"HTTP", "HTTP2"} and not (server.tls and server.tls.https_redirect):
        return "http"
    return "https" if protocol == "HTTPS" and server.tls is not None and server.tls.mode in _TLS else ""


def _covers(server: Server, host: str) -> bool:
    return any(hosts.covers(each.rpartition("/")[2], host) for each in server.hosts)


def _takes(rule: HTTPRule, path: str) -> bool:
    """Whether the rule is sure to take a plain GET of the path."""
    return not rule.match or any(_is_path_only(each) and _is_sure(each) and _fits(each, path) for each in rule.match)


def _may_take(rule: HTTPRule, path: str) -> bool:
    return not rule.match or any(_fits(each, path) for each in rule.match)


def _is_path_only(match: HTTPMatch) -> bool:
    others = (match.scheme, match.method, match.authority, match.port)
    more = (match.headers, match.without_headers, match.query_params, match.source_labels, match.gateways)
    return all(each is None for each in others) and not any(more)


def _is_sure(match: HTTPMatch) -> bool:
    return match.uri is None or (match.uri.regex is None and not match.ignore_uri_case)


def _fits(match: HTTPMatch, path: str) -> bool:
    """Whether the path may fit; what is no plain text may fit anything."""
    uri = match.uri
    plain = path.partition("?")[0]
    if uri is None or uri.regex is not None:
        return True
    if match.ignore_uri_case:
        return True
    return plain == uri.exact if uri.exact is not None else plain.startswith(uri.prefix or "")
