"""Default retries and hashing towards hosts outside: a ServiceEntry that nothing routes gets a route to itself."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Change
from ambimigrate.converters import through
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.defaults import MERGING, RETRYING, to_itself
from ambimigrate.converters.routing.hashing import is_hashed_host
from ambimigrate.kinds import ServiceEntry, VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.versions import at_least


def serve(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[Change]:
    """A route for each port, where the default route of a waypoint retries or hashes otherwise than sidecars (2.6)."""
    ports = _ports(entry)
    if _needs_route(mesh, entry) and not any(True for _ in faults(mesh, entry)):
        yield from (_route(mesh, entry, port, several=len(ports) > 1) for port in ports)


def faults(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[Refused]:
    """Why no route can do for the entry what sidecars do by default."""
    if not _needs_route(mesh, entry):
        return
    spec, istio = entry.body.spec, mesh.target.istio
    ports = _ports(entry)
    reason = ""
    if len(spec.hosts) > 1:
        reason = f"a route leads to one host, and the entry has {len(spec.hosts)}"
    elif len(ports) > 1 and not at_least(istio, *MERGING):
        reason = f"Istio {istio} reads one list of routes, so no route can speak for ports {ports[0]} and {ports[1]}"
    if reason:
        witness = (
            f"a call to {spec.hosts[0]}:{ports[0]} whose connection is refused: tried again twice today, not by a waypoint"
        )
        yield Refused("retries", ("spec", "hosts"), reason, witness)


def _needs_route(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    if not _ports(entry) or reach.mesh_routes(mesh, entry) or _is_routed(mesh, entry):
        return False
    hashed = any(is_hashed_host(mesh, host) for host in entry.body.spec.hosts)
    return hashed or not at_least(mesh.target.istio, *RETRYING)


def _is_routed(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    """Whether a VirtualService of the mesh speaks for a host of it; wildcards do not reach waypoints (conversion.md 3.3)."""
    return not mesh.index(_routed).isdisjoint(entry.body.spec.hosts)


def _routed(mesh: Mesh) -> frozenset[str]:
    own = (vs.body.spec for vs in mesh.of(VirtualService) if is_of_mesh(vs.body) and vs.body.spec.http)
    return frozenset(host for spec in own for host in spec.hosts)


def _ports(entry: Resource[ServiceEntry]) -> tuple[int, ...]:
    return tuple(each.number for each in entry.body.spec.ports if each.protocol.upper() in through.HTTP)


def _route(mesh: Mesh, entry: Resource[ServiceEntry], port: int, *, several: bool) -> Change:
    to = {"group": ServiceEntry.GROUP, "kind": "Hostname", "name": entry.body.spec.hosts[0]}
    return to_itself(mesh, entry, to, port, several=several)
