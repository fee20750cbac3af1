"""The stage that a namespace has reached as its own objects show it, where no recorded plan says what was to be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import FROM, SUBSET, Stage
from ambimigrate.kinds import Gateway, HTTPRoute, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.status.work import Work
from ambimigrate.topology import injection, policies, waypoints


def reached(work: Work, namespace: str) -> Stage | None:
    """The last stage of which there is a trace, before the first in which something is left to do."""
    first = work.first(namespace)
    found = (each for each in _traces(work.mesh, namespace) if first is None or each < first)
    return max(found, default=None)


def _traces(mesh: Mesh, namespace: str) -> Iterator[Stage]:
    own = injection.by_namespace(mesh).get(namespace, ())
    is_ambient = injection.mode(mesh, namespace) == injection.AMBIENT
    for each in own:
        yield from _of(mesh, each)
    if is_ambient:
        yield Stage.enroll
        if any(isinstance(each.body, HTTPRoute) and FROM in each.body.metadata.annotations for each in own):
            yield Stage.retire


def _of(mesh: Mesh, resource: Resource[Any]) -> Iterator[Stage]:
    metadata = resource.body.metadata
    if isinstance(resource.body, Service) and waypoints.is_bound(mesh, resource):
        yield Stage.bind
    if isinstance(resource.body, Gateway) and waypoints.is_waypoint(resource.body):
        yield Stage.waypoints
    if SUBSET in metadata.annotations:
        yield Stage.prepare
    elif FROM in metadata.annotations and hasattr(resource.body, "spec") and policies.targets(resource):
        yield Stage.policies
