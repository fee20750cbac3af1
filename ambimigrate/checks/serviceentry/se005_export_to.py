"""SE005: exportTo, which ambient does not read: the entry is there for the whole mesh."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import wildcards
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, reach


@rule("SE005", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    if not spec.export_to or "*" in spec.export_to or not reach.has_members(mesh):
        return
    if not injection.is_meshed(mesh, entry.namespace) and set(spec.export_to) == {"."}:
        return
    known = support.status("service-entry-visibility", "ztunnel", mesh.target.istio) == "alpha"
    hidden = known and any(True for _ in meshconfig.settings(mesh, "serviceEntryVisibility"))
    if hidden or wildcards(entry.body) == spec.hosts:
        return
    yield Hit(
        entry.at("spec", "exportTo"),
        f"exportTo {reach.listed(spec.export_to)} is ignored: {reach.listed(spec.hosts)} is this entry for ambient clients of"
        " every namespace",
    )
