"""Services that are bound to a waypoint while the policies of their pods still judge whoever reaches the pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import FROM, Change, Stage
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import fronts, injection, policies, waypoints
from ambimigrate.topology.workloads import services_in_front

Found = tuple[Resource[AuthorizationPolicy], Resource[Service]]


def uncarried(mesh: Mesh, changes: Iterable[Change]) -> Iterator[Found]:
    """Policies about callers in front of whose pods a waypoint stands already, and which none of the changes carries over.

    Ambient callers cross such a waypoint, and the sidecar behind it takes the waypoint for the caller (Istio,
    tests/integration/ambient/sidecar_migration_test.go `TestWaypointWithSidecarBackend`).
    """
    carried = {place for each in changes if each.stage <= Stage.policies for place in each.sources}
    for policy, service in mesh.index(_bound):
        if policy.at() not in carried and not _is_known(mesh, policy, service):
            yield policy, service


def _is_known(mesh: Mesh, policy: Resource[AuthorizationPolicy], service: Resource[Service]) -> bool:
    """Whether the policy was carried over before: it has a copy that we made, or names the waypoint."""
    if f"{policy.namespace}/AuthorizationPolicy/{policy.name}" in mesh.index(_copied):
        return True
    found = waypoints.binding(mesh, service)
    end = f"/ns/{found.namespace}/sa/{found.name}" if found else "/"
    sources = (entry.source for rule in policy.body.spec.rules or () for entry in rule.from_ if entry.source)
    return any(name.endswith(end) for source in sources for name in (*source.principals, *source.not_principals))


def _copied(mesh: Mesh) -> frozenset[str]:
    """What the policies that we made were made from, by namespace."""
    made = ((each.namespace, each.body.metadata.annotations.get(FROM)) for each in mesh.of(AuthorizationPolicy))
    return frozenset(f"{namespace}/{source}" for namespace, source in made if source)


def _bound(mesh: Mesh) -> tuple[Found, ...]:
    return tuple(_all(mesh))


def _all(mesh: Mesh) -> Iterator[Found]:
    for policy in mesh.of(AuthorizationPolicy):
        if (
            policies.is_root(mesh, policy)
            or FROM in policy.body.metadata.annotations
            or not any(fronts.identity(rule) for rule in policy.body.spec.rules or ())
        ):
            continue
        members = [each for each in policies.scope(mesh, policy).workloads if _keeps_proxy(mesh, each.namespace)]
        service = next((each for each in services_in_front(mesh, members) if waypoints.is_bound(mesh, each)), None)
        if service is not None:
            yield policy, service


def _keeps_proxy(mesh: Mesh, namespace: str) -> bool:
    return injection.mode(mesh, namespace) in {injection.SIDECAR, injection.MIXED}
