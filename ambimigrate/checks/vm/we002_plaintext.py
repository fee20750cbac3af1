"""WE002: ambient pods call a machine in plaintext."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.pods import listed
from ambimigrate.checks.vm import machines
from ambimigrate.kinds import WorkloadEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WE002", WorkloadEntry)
def check(entry: Resource[WorkloadEntry], mesh: Mesh) -> Iterator[Hit]:
    if not injection.is_meshed(mesh, entry.namespace) or machines.speaks_hbone(entry):
        return
    if machines.has_proxy(mesh, entry):
        found = listed(str(each.ref) for each in machines.users(mesh, entry))
        through = f" through {found}" if found else ""
        yield Hit(
            entry.at("spec", "address"),
            f"fails open: ambient pods call {entry.name} ({entry.body.spec.address or 'no address'}){through} in plaintext, "
            "since its proxy does not take HBONE; under STRICT it refuses them",
        )
