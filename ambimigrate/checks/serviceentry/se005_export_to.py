"""SE005: exportTo, which ambient does not read: the entry or Service is there for the whole mesh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import wildcards
from ambimigrate.kinds import Service, ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, meshconfig, reach

EXPORT = "networking.istio.io/exportTo"


@rule("SE005", ServiceEntry, Service)
def check(found: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(found.body, ServiceEntry):
        yield from _of_entry(found, mesh)
        return
    said = found.body.metadata.annotations.get(EXPORT)
    if said and "*" not in map(str.strip, said.split(",")) and injection.is_meshed(mesh, found.namespace):
        place = found.at("metadata", "annotations", EXPORT)
        yield Hit(place, f"{EXPORT} {said} is ignored: ambient clients of every namespace see {found.name}", "service")


def _of_entry(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
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
