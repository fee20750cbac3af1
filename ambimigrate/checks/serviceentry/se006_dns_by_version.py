"""SE006: hosts to be resolved that Istio 1.22 publishes without an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, wildcards
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("SE006", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    if spec.resolution not in {"DNS", "DNS_ROUND_ROBIN"} or spec.endpoints or spec.workload_selector:
        return
    if spec.addresses and not wildcards(entry.body) and concerns(mesh, entry):
        yield Hit(
            entry.at("spec", "resolution"),
            f"Istio 1.22 gives {reach.listed(spec.hosts)} an address and no endpoint: calls of ambient clients fail",
        )
