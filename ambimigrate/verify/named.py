"""Which differences the conversion itself names: agreed to with a witness, or noted for callers past the waypoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, VirtualService
from ambimigrate.model import Mesh, Position, Ref, Resource
from ambimigrate.semantics import authz
from ambimigrate.topology import hosts, policies, reach, waypoints
from ambimigrate.verify import authorization

COPIED, CLOSED, PAST, OPENED, ENDED = "AP903", "AP905", "AP906", "AP910", "AP911"  # entries of the catalogue
TOKENS, TAKEN = "RA902", "RA903"
BOUND, LOST = "WP902", "VS919"
BEGINS, UNSEEN, EGRESS = "NS910", "NS906", "SE903"
_POLICIES = (AuthorizationPolicy, RequestAuthentication)


class Verdicts(Struct, frozen=True):
    """A workload (namespace/name) at which two verdicts differ, and in which way."""

    kind: str
    workload: str
    before: authz.Decision
    after: authz.Decision

    @property
    def is_past(self) -> bool:
        """Whether the call crosses no waypoint afterwards."""
        return all(hop.proxy != "waypoint" for hop in self.after.path)

    @property
    def is_at_ztunnel(self) -> bool:
        return any(hop.proxy == "ztunnel" for hop in self.after.path)


def named(mesh: Mesh, changes: Iterable[Change], found: Verdicts) -> tuple[str, ...]:
    """The ids under which the report of a conversion names a difference; none if it does not."""
    about = ((each, policy) for each in changes if each.mesh == mesh.name for policy in _policies(mesh, each))
    ids = (id for change, policy in about if _means(mesh, policy, found.workload) for id in _names(change, policy, found))
    return tuple(dict.fromkeys(ids))


def unseen(mesh: Mesh, changes: Iterable[Change], namespace: str, host: str) -> tuple[str, ...]:
    """The id under which a report says that pods of a namespace no longer follow what routes that host for sidecars."""
    own = (each for each in changes if UNSEEN in each.because and (each.mesh, each.namespace) == (mesh.name, namespace))
    known = {position for change in own for position in change.sources}
    if not known:
        return ()
    follows = any(_routes(vs, host) for vs in mesh.of(VirtualService) if vs.at() in known)
    return (UNSEEN,) if follows or any(_leads(mesh, each, host) for each in reach.routes(mesh) if each.at() in known) else ()


def bound(mesh: Mesh, changes: Iterable[Change], service: Resource[Any] | None) -> tuple[str, ...]:
    """The id under which a report binds a Service to a waypoint: what routes it begins for callers that are ambient already."""
    if service is None or waypoints.is_bound(mesh, service):
        return ()
    own = (each for each in changes if each.mesh == mesh.name and BOUND in each.because)
    named = (each.ref for each in own)
    owner = Ref("Namespace", "", "", service.namespace)
    return (BOUND,) if any(each in {service.ref, owner} for each in named) else ()


def unretried(mesh: Mesh, changes: Iterable[Change], namespace: str, service: Resource[Any] | None) -> tuple[str, ...]:
    """The id under which a report says that pods of a namespace lose the default retries towards a Service."""
    own = (each for each in changes if LOST in each.because and (each.mesh, each.namespace) == (mesh.name, namespace))
    return (LOST,) if service is not None and any(service.at() in each.sources for each in own) else ()


def outside(mesh: Mesh, changes: Iterable[Change], owner: Ref | None) -> tuple[str, ...]:
    """The ids under which something was agreed to about the ServiceEntry that is called."""
    own = (each for each in changes if (each.mesh, each.ref, each.verdict) == (mesh.name, owner, "differs"))
    return tuple(dict.fromkeys(id for each in own for id in each.because if id == EGRESS))


def _leads(mesh: Mesh, route: Resource[Any], host: str) -> bool:
    """Whether a parent of the route has the host."""
    parents = (reach.parent(ref, route.namespace) for ref in route.body.spec.parent_refs)
    found = (reach.find(mesh, each, route.file) for each in parents if each)
    return any(host in reach.hostnames(each) for each in found if each)


def _routes(vs: Resource[VirtualService], host: str) -> bool:
    return any(hosts.covers(hosts.full_name(each, vs.namespace), host) for each in vs.body.spec.hosts)


def _policies(mesh: Mesh, change: Change) -> Iterator[Resource[Any]]:
    """The policies that a change comes from."""
    if change.verdict != "differs" and not change.notes and TAKEN not in change.because:
        return
    known = mesh.index(_by_position)
    yield from (each for position in change.sources if (each := known.get(position)))


def _by_position(mesh: Mesh) -> dict[Position, Resource[Any]]:
    return {each.at(): each for kind in _POLICIES for each in mesh.of(kind)}


def _means(mesh: Mesh, policy: Resource[Any], workload: str) -> bool:
    if policies.targets(policy):
        return workload.startswith(f"{policy.namespace}/") or policies.is_root(mesh, policy)
    return workload in mesh.once(_selected, policy)


def _selected(mesh: Mesh, policy: Resource[Any]) -> frozenset[str]:
    return frozenset(f"{each.namespace}/{each.name}" for each in policies.scope(mesh, policy).workloads)


def _action(policy: Resource[Any]) -> str:
    return policy.body.spec.action if isinstance(policy.body, AuthorizationPolicy) else ""


def _names(change: Change, policy: Resource[Any], found: Verdicts) -> Iterator[str]:
    agreed = change.because if change.verdict == "differs" else ()
    if found.kind in {authorization.WIDER, authorization.NARROWER} and TOKENS in agreed:
        yield TOKENS
    if found.is_past:
        yield from _names_past(change, policy, found)
    if found.kind == authorization.NARROWER and _action(policy) == "CUSTOM" and not found.after.status:
        yield from (each for each in agreed if each == CLOSED)  # a connection, which sidecars refuse from `swap` on
    if found.kind in {authorization.NARROWER, authorization.AUTHORIZERS} and BEGINS in agreed and not found.is_past:
        yield BEGINS
    if found.kind == authorization.NARROWER and TAKEN in change.because and not found.is_past:
        yield TAKEN
    if found.kind == authorization.AUDIT and COPIED in change.because and policy.body.spec.action == "AUDIT":
        yield COPIED


def _names_past(change: Change, policy: Resource[Any], found: Verdicts) -> Iterator[str]:
    """The ids for a call that crosses no waypoint: it is refused there, or let in by agreement."""
    agreed = change.because if change.verdict == "differs" else ()
    if found.kind == authorization.WIDER:
        yield from (each for each in agreed if each in {PAST, OPENED})
    elif found.kind == authorization.NARROWER and found.is_at_ztunnel:
        yield from (each for each in agreed if each in {CLOSED, PAST, ENDED})
        if COPIED in change.because and change.notes and policy.body.spec.action in {"", "ALLOW"}:
            yield COPIED
