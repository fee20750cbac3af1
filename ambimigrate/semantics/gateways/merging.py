"""The servers of all Gateways of some pods, merged by the ports on which the pods listen.

Istio, pilot/pkg/model/gateway.go `mergeGateways` (1.24 to master of August 2026). Not modelled: servers with `bind`, QUIC, and
a server of HTTP without TLS behind one with TLS on one port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ambimigrate.model import Mesh
from ambimigrate.semantics.gateways.pods import Pods
from ambimigrate.semantics.gateways.servers import Server, servers


class Port(Struct, frozen=True, eq=False):
    """A port of the pods: servers of HTTP that share one table of routes, or servers told apart by the server name of TLS."""

    servers: tuple[Server, ...]
    is_http: bool


def merged(mesh: Mesh, pods: Pods) -> Mapping[int, Port]:
    """What the pods listen on."""
    return mesh.index(_Merged(pods))


class _Merged(Struct, frozen=True):
    pods: Pods

    def __call__(self, mesh: Mesh) -> Mapping[int, Port]:
        kept: dict[int, list[Server]] = {}
        taken: dict[int, set[str]] = {}
        for server, target in _resolved(mesh, self.pods):
            names = taken.setdefault(target, set())
            if server.tls is not None:
                if names & set(server.hosts):
                    continue  # skipped as a whole: one of its hosts is taken
                names |= set(server.hosts)
            own = kept.setdefault(target, [])
            if not own or _fits(own, server):
                own.append(server)
        return {target: Port(tuple(own), own[0].is_http) for target, own in kept.items()}


def _resolved(mesh: Mesh, pods: Pods) -> Iterator[tuple[Server, int]]:
    for server in servers(mesh, pods):
        yield from ((server, target) for target in pods.targets(server.number, server.services))


def _fits(own: list[Server], server: Server) -> bool:
    """HTTP joins HTTP, TLS joins TLS; of HTTPS servers each needs a name of its own for its port."""
    if own[0].is_http:
        return server.is_http
    if own[0].tls is None or server.tls is None or server.is_http:
        return False
    return not server.ends_https or _table(server) not in {_table(each) for each in own if each.ends_https}


def _table(server: Server) -> tuple[int, str, str]:
    """What the table of routes of an HTTPS server is named by."""
    return server.number, server.port_name, server.gateway
