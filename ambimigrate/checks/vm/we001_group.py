"""WE001: machines that join the mesh as a group."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import WorkloadGroup
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WE001", WorkloadGroup)
def check(group: Resource[WorkloadGroup], mesh: Mesh) -> Iterator[Hit]:
    if injection.is_meshed(mesh, group.namespace):
        yield Hit(
            group.at("spec"),
            f"the machines of {group.name} cannot join ambient mode: they keep their proxy, and ambient callers do not speak "
            "its mTLS",
        )
