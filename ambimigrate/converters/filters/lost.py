"""A patch that ends with the sidecars, and whom that concerns."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.converters.filters import values
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.twin_targets import Aim
from ambimigrate.kinds.networking import ConfigPatch
from ambimigrate.model import Mesh
from ambimigrate.topology import policies


class Lost(Struct, frozen=True, eq=False):
    """A patch that ends with the sidecars: in which mesh, for whom, and the waypoints of their Services."""

    mesh: Mesh
    aim: Aim
    plan: Plan
    patch: ConfigPatch

    @property
    def value(self) -> dict[str, Any]:
        """What it says."""
        return values.value(self.patch)

    @property
    def pods(self) -> str:
        """The end of `Write a … that selects app=web`."""
        labels = policies.selector(self.aim.subject)
        return (
            "that selects " + ",".join(f"{key}={each}" for key, each in sorted(labels.items()))
            if labels
            else "without selector"
        )

    @property
    def waypoint(self) -> str:
        """The waypoint that serves them, in words."""
        keys = ((each.namespace, each.name) for each in self.aim.services)
        names = {found.name for key in keys if (found := self.plan.by_service.get(key))}
        own = next((each.name for each in self.aim.services), "its Service")
        return f"Gateway {min(names)}" if names else f"the waypoint of {own}"
