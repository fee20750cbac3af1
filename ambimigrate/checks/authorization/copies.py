"""Which Services are judged by a copy of a policy at their waypoint, so that what ztunnel makes of it no longer matters."""

from __future__ import annotations

from collections.abc import Iterable

from ambimigrate.changes import FROM
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import attachment, policies

Policy = Resource[AuthorizationPolicy]


def lacking(mesh: Mesh, policy: Policy, services: Iterable[Resource[Service]]) -> tuple[Resource[Service], ...]:
    """The Services of a root policy whose waypoint applies no copy that we made of it; of any other policy all."""
    if not policies.is_root(mesh, policy):
        return tuple(services)
    names = {f"AuthorizationPolicy/{policy.name}", f"AuthorizationPolicy/{policy.namespace}/{policy.name}"}
    applied = attachment.applied(mesh)
    return tuple(
        each
        for each in services
        if not any(copy.body.metadata.annotations.get(FROM) in names for copy in applied.get(id(each), ()))
    )
