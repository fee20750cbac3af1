"""The part of a waypoint that serves one port of one Service."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from ambimigrate.kinds import Service
from ambimigrate.model import Mesh
from ambimigrate.semantics.destinations import Viewer
from ambimigrate.semantics.registry import by_address, carries_http
from ambimigrate.topology import hosts, waypoints
from ambimigrate.versions import Version, at_least


class Compiler(Protocol):
    """Who compiles routes: a waypoint for a Service, or a gateway for a listener.

    `granted_as`: the kind of route by which a gateway looks for grants; a waypoint asks for none.
    """

    @property
    def viewer(self) -> Viewer: ...

    @property
    def port(self) -> int: ...

    @property
    def scheme(self) -> str: ...

    @property
    def granted_as(self) -> str: ...


class Chain(Struct, frozen=True):
    """The namespaces of the waypoint and of the Service, and the host and port that it serves."""

    waypoint: str
    namespace: str
    host: str
    port: int

    @property
    def viewer(self) -> Viewer:
        """A waypoint looks for DestinationRules as if it were the client."""
        return Viewer(self.waypoint)

    @property
    def scheme(self) -> str:
        return "http"

    @property
    def granted_as(self) -> str:
        return ""


def chain_of(mesh: Mesh, address: str, port: int) -> Chain | None:
    """The chain for a dialled name or address, None if no working waypoint serves it or it carries no HTTP."""
    entry = by_address(mesh, address)
    is_http = entry is not None and port in entry.ports and carries_http(entry, port)
    return chain_of_connection(mesh, address, port) if is_http else None


def chain_of_connection(mesh: Mesh, address: str, port: int) -> Chain | None:
    """The chain for a dialled name or address, None if no working waypoint serves it."""
    entry = by_address(mesh, address)
    if entry is None or port not in entry.ports:
        return None
    owner = entry.owner
    if isinstance(owner.body, Service) and hosts.is_headless(owner):
        return None
    found = waypoints.binding(mesh, owner)
    if found is None or found.fault is not None:
        return None
    return Chain(found.namespace, entry.namespace, entry.host, port)


def merges_lists(version: Version) -> bool:
    """Whether all lists of routes for a Service count; before, the first alone (istio#59484)."""
    return at_least(version, "1.28.6", "1.29.2", "1.30.0")
