"""SE004: resolution NONE with addresses, which older releases publish without an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, ranges
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("SE004", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    if spec.resolution != "NONE" or not spec.addresses or not concerns(mesh, entry):
        return
    if ranges(entry.body) and support.status("service-entry-cidr", "ztunnel", mesh.target.istio) == "unsupported":
        return  # not published at all: SE003
    yield Hit(
        entry.at("spec", "resolution"),
        f"resolution NONE: ztunnel gets {reach.listed(spec.addresses)} without an endpoint, so calls of ambient clients to"
        f" {reach.listed(spec.hosts)} fail",
    )
