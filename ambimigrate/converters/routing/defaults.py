"""From which versions on waypoints do by themselves what sidecars do, and names for the routes that make them before."""

from __future__ import annotations

import itertools
from typing import Any

from ambimigrate.converters import made
from ambimigrate.kinds import HTTPRoute, VirtualService
from ambimigrate.model import Mesh, Resource

MERGING = ("1.28.6", "1.29.2", "1.30.0")  # all lists of a Service count (istio#59484); before, one merge key only
RETRYING = ("1.30.3", "1.31.0")  # the default route of a waypoint retries as sidecars do (istio#60683)
PASSED = "VS918"


def free_name(mesh: Mesh, target: Resource[Any], plain: str) -> str:
    """A name that neither a route nor a VirtualService has, whose routes would be called like it."""
    for name in itertools.chain([plain], (f"{plain}-default{number or ''}" for number in itertools.count())):
        shown = made.renamed(name, target)
        if not any(mesh.find(kind, target.namespace, shown) for kind in (HTTPRoute, VirtualService)):
            return name
    raise AssertionError("names do not end")
