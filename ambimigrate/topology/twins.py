"""Which policies without targetRefs have a twin at the waypoints: what sidecars follow, the waypoint follows as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import FROM
from ambimigrate.kinds import Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import attachment, policies


def untwinned(mesh: Mesh, policy: Resource[Any]) -> tuple[Resource[Service], ...]:
    """The Services that a policy means and at whose waypoint no twin of it is attached."""
    found = (each for each in policies.scope(mesh, policy).services if policies.can_be_bound(each))
    return tuple(each for each in found if not any(_is_twin(policy, one) for one in _attached(mesh, policy, each)))


def _attached(mesh: Mesh, policy: Resource[Any], service: Resource[Service]) -> Iterator[Resource[Any]]:
    yield from attachment.attached(mesh, service, type(policy.body))


def _is_twin(policy: Resource[Any], other: Resource[Any]) -> bool:
    """Whether the other is made from the policy, as its annotation says."""
    said = other.body.metadata.annotations.get(FROM)
    own = f"{policy.kind}/{policy.name}"
    return said == f"{policy.kind}/{policy.namespace}/{policy.name}" or (said == own and other.namespace == policy.namespace)


def is_settled(mesh: Mesh, policy: Resource[Any]) -> bool:
    """Whether every Service that it means has a twin of it, so that it stays for gateways and remaining sidecars only."""
    services = [each for each in policies.scope(mesh, policy).services if policies.can_be_bound(each)]
    return bool(services) and not untwinned(mesh, policy)
