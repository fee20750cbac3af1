"""Settings of DestinationRules that nobody carries out for ambient callers and that hold none of these, for the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ambimigrate.changes import Change
from ambimigrate.checks.destinationrule import dr001_needs_waypoint, dr004_tls_origination
from ambimigrate.holds import calls
from ambimigrate.holds.ends import End
from ambimigrate.kinds import DestinationRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.policies import listed

_OPEN = "fails open: "


def notes(meshes: Iterable[Mesh], left: tuple[Change, ...], ends: Mapping[str, End]) -> Iterator[str]:
    """What the sidecars of namespaces that enrol did, and neither ztunnel nor a waypoint will."""
    for mesh in meshes:
        moving = calls.enrolling(mesh, left, ()) if mesh.name in ends else ()
        if not moving:
            continue
        end = ends[mesh.name].mesh
        where = f" of {mesh.name}" if mesh.name else ""
        for dr in end.of(DestinationRule):
            for hit in _lost(dr, end):
                first = _OPEN if hit.message.startswith(_OPEN) else ""
                said = f"{first}{dr.ref}{where}: {hit.message.removeprefix(first)}"
                yield f"{said}. That holds for callers of {listed(moving)} once they are ambient."


def _lost(dr: Resource[DestinationRule], end: Mesh) -> Iterator[Hit]:
    yield from dr001_needs_waypoint.check(dr, end)
    yield from dr004_tls_origination.check(dr, end)
