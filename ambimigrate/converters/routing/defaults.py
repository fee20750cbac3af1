"""From which versions on waypoints do by themselves what sidecars do, and names for the routes that make them before."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters import made
from ambimigrate.kinds import HTTPRoute, VirtualService
from ambimigrate.model import Mesh, Ref, Resource

MERGING = ("1.28.6", "1.29.2", "1.30.0")  # all lists of a Service count (istio#59484); before, one merge key only
RETRYING = ("1.30.3", "1.31.0")  # the default route of a waypoint retries as sidecars do (istio#60683)
PASSED = "VS918"


def to_itself(mesh: Mesh, owner: Resource[Any], to: Mapping[str, Any], port: int, *, several: bool) -> Change:
    """The route of a Service or ServiceEntry for one of its ports (or for its only one) that leads to itself.

    Sidecars that are left decide the same by it, so that it may exist before anybody uses the waypoint.
    """
    parent: dict[str, Any] = {"group": owner.body.GROUP, "kind": owner.kind, "name": owner.name}
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{**to, "port": port, "weight": 1}]}
    name = free_name(mesh, owner, f"{made.written_name(owner)}-{port}" if several else made.written_name(owner))
    value = {
        "apiVersion": f"{HTTPRoute.GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": made.metadata(name, owner),
        "spec": {"parentRefs": [parent | ({"port": port} if several else {})], "rules": [rule]},
    }
    ref = Ref("HTTPRoute", HTTPRoute.GROUP, owner.namespace, made.renamed(name, owner))
    return Change(Stage.waypoints, owner.namespace, mesh.name, ref, Create(ref, value, owner), None, (PASSED,), (owner.at(),))


def free_name(mesh: Mesh, target: Resource[Any], plain: str) -> str:
    """A name that neither a route nor a VirtualService has, whose routes would be called like it."""
    for name in itertools.chain([plain], (f"{plain}-default{number or ''}" for number in itertools.count())):
        shown = made.renamed(name, target)
        if not any(mesh.find(kind, target.namespace, shown) for kind in (HTTPRoute, VirtualService)):
            return name
    raise AssertionError("names do not end")
