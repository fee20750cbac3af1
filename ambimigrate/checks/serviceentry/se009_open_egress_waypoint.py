"""SE009: an egress waypoint without a policy, which every pod of the mesh may use."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, is_bound
from ambimigrate.kinds import AuthorizationPolicy, ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attached, reach


@rule("SE009", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    if entry.body.spec.location != "MESH_EXTERNAL" or not concerns(mesh, entry) or not is_bound(mesh, entry):
        return
    if any(isinstance(each.body, AuthorizationPolicy) for each in attached.policies(mesh, entry)):
        return
    export = entry.body.spec.export_to
    limited = bool(export) and "*" not in export
    meant = f", not only those of exportTo {reach.listed(export)}" if limited else ""
    yield Hit(
        entry.at("metadata", "name"),
        f"no AuthorizationPolicy targets {entry.name} or its waypoint: every pod of the mesh may call"
        f" {reach.listed(entry.body.spec.hosts)} through it{meant}",
        case="limited" if limited else "open",
    )
