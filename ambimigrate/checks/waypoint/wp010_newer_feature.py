"""WP010: labels and annotations of waypoints that the target version does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway, Namespace, Service, ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource

XFCC = "ambient.istio.io/xfcc-include-client-identity"
CANARY = "istio.io/use-waypoint-canary"


@rule("WP010", Gateway, Namespace, Service, ServiceEntry)
def check(holder: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    metadata = holder.body.metadata
    istio = mesh.target.istio
    if isinstance(holder.body, Gateway) and XFCC in metadata.annotations:
        where = holder.at("metadata", "annotations", XFCC)
        yield Hit(where, f"Istio {istio} does not know {XFCC} (1.30 does): the header does not name the client", "xfcc")
    for name in metadata.labels:
        if name.startswith(CANARY):
            where = holder.at("metadata", "labels", name)
            yield Hit(
                where, f"Istio {istio} does not know {name} (1.31 does): no traffic goes to the canary waypoint", "canary"
            )
