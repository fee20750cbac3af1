"""SE003: address ranges, because of which older releases drop the whole entry."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, is_bound, ranges
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("SE003", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    found = ranges(entry.body)
    if not found or not concerns(mesh, entry):
        return
    place = entry.at("spec", "addresses", entry.body.spec.addresses.index(found[0]))
    told = f"because of {reach.listed(found)} ztunnel is told nothing of {entry.name}"
    if is_bound(mesh, entry):
        yield Hit(place, f"fails open: {told}, so its waypoint and policies are passed by", case="bound")
    else:
        yield Hit(place, f"{told}: connections to all its addresses pass as unknown traffic", case="plain")
