"""What the rules of no way back share: the mesh before and after a change, and what is there only after it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ambimigrate.kinds import Namespace, Service, ServiceEntry
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import policies
from ambimigrate.topology.workloads import Workload, of_resource

Name = tuple[str, str, str]  # kind, namespace, name


class Pair(Struct, frozen=True, eq=False):
    """One mesh before a change (None: not known) and after it, and its namespaces that are declared migrated."""

    before: Mesh | None
    after: Mesh
    migrated: frozenset[str]


class Found(Struct, frozen=True):
    """What a rule yields: on which object, where in it, the sentence, and which case of its entry it is."""

    resource: Resource[Any]
    route: Route
    message: str
    case: str = "default"


State = tuple[Hashable, Found]  # by what it is known again, and what is said about it
States = Callable[[Mesh, frozenset[str]], Iterable[State]]


def gained(pair: Pair, states: States) -> Iterator[Found]:
    """What holds after the change and did not hold before; everything where the state before is not known."""
    known = {key for key, _ in states(pair.before, pair.migrated)} if pair.before is not None else set()
    for key, found in states(pair.after, pair.migrated):
        if key not in known:
            known.add(key)
            yield found


def name(resource: Resource[Any]) -> Name:
    """What an object is known by in both meshes."""
    return resource.kind, resource.namespace, resource.name


def same(mesh: Mesh, resource: Resource[Any]) -> Resource[Any] | None:
    """The object of the same kind and name in the other mesh."""
    found: Resource[Any] | None = mesh.find(type(resource.body), resource.namespace, resource.name, resource.file)
    return found


def same_workload(mesh: Mesh, workload: Workload) -> Workload | None:
    """The workload of the same kind and name in the other mesh."""
    found = same(mesh, workload.resource)
    return of_resource(mesh, found) if found is not None else None


def served(mesh: Mesh, spaces: frozenset[str]) -> tuple[Resource[Any], ...]:
    """What waypoints can stand in front of in these namespaces: Services with an address of their own, ServiceEntries."""
    names = sorted(spaces)
    services = (each for each in mesh.within(Service, *names) if policies.can_be_bound(each))
    return (*services, *mesh.within(ServiceEntry, *names))


def holder(mesh: Mesh, namespace: str) -> Resource[Namespace] | None:
    """The Namespace object."""
    return mesh.find(Namespace, "", namespace)


def meant(mesh: Mesh, policy: Resource[Any], spaces: frozenset[str]) -> bool:
    """Whether a policy without targetRefs means pods of these namespaces, gateways aside."""
    if not policies.is_root(mesh, policy):
        return policy.namespace in spaces and policies.scope(mesh, policy).concerns
    found = policies.scope(mesh, policy)
    return any(each.namespace in spaces for each in found.workloads) or any(each.namespace in spaces for each in found.services)


def content(*values: Any) -> tuple[bytes, ...]:
    """Values as they can be compared between two meshes, whatever the order of their fields."""
    return tuple(msgspec.json.encode(each, order="sorted") for each in values)
