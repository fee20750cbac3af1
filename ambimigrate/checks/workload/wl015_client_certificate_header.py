"""WL015: somebody reads x-forwarded-client-cert, which only an HTTP proxy sets and removes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import at, subject, texts
from ambimigrate.kinds import AuthorizationPolicy, ConfigMap
from ambimigrate.model import Hit, Mesh, Position, Resource
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import KINDS

HEADER = "x-forwarded-client-cert"


@rule("WL015", *KINDS, ConfigMap, AuthorizationPolicy)
def check(resource: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if isinstance(resource.body, AuthorizationPolicy):
        yield from _of_policy(resource, mesh)
    elif isinstance(resource.body, ConfigMap):
        for key, text in resource.body.data.items():
            if HEADER in text.lower() and injection.is_meshed(mesh, resource.namespace):
                yield _hit(resource.at("data", key), f"{key} of {resource.name}")
    elif (workload := subject(mesh, resource)) is not None:
        for route, text in texts(workload):
            if HEADER in text.lower():
                yield _hit(at(workload, *route), str(workload))


def _hit(place: Position, who: str) -> Hit:
    return Hit(
        place,
        f"fails open: {who} reads {HEADER}: ztunnel neither sets nor removes it, so without a waypoint it holds what the "
        "caller sends; a waypoint removes it",
        "read",
    )


def _of_policy(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not injection.is_meshed(mesh, policy.namespace):
        return
    for i, each in enumerate(policy.body.spec.rules or ()):
        for j, condition in enumerate(each.when):
            if HEADER in condition.key.lower():
                yield Hit(
                    policy.at("spec", "rules", i, "when", j),
                    f"the rule depends on {HEADER}: a waypoint removes it unless its Gateway says otherwise, ztunnel cannot "
                    "read it",
                    "policy",
                )
