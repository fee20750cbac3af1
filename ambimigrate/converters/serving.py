"""Which waypoint serves which Service once all is converted: the plan that policies, twins and routes share."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.changes import FROM
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.kinds import Deployment, Gateway, Service, ServiceAccount
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import fronts, policies, waypoints
from ambimigrate.topology.waypoints import FOR

Named = tuple[str, str]  # namespace, Service
_MAKES: tuple[type, ...] = (Gateway, Deployment, Service, ServiceAccount)  # istiod makes one of each per waypoint, of its name


class Waypoint(Struct, frozen=True):
    """A waypoint, there already or to be made (`is_new`: written as `written`, beside a Service).

    Its pods run as a service account of its own name unless an annotation says otherwise.
    """

    namespace: str
    name: str
    written: str = ""
    account: str = ""
    is_new: bool = False

    def principal(self, trust_domain: str) -> str:
        """The identity by which it calls pods (class istio-waypoint adds no suffix to the account)."""
        return f"{trust_domain}/ns/{self.namespace}/sa/{self.account or self.name}"


class Plan(Struct, frozen=True):
    """The waypoint of each Service that has or needs one."""

    by_service: Mapping[Named, Waypoint]

    def of(self, namespace: str) -> tuple[Waypoint, ...]:
        """The waypoints that serve Services of the namespace, each once."""
        return tuple(dict.fromkeys(each for (own, _), each in sorted(self.by_service.items()) if own == namespace))


def needing(mesh: Mesh, namespace: str) -> tuple[str, ...]:
    """The Services of the namespace that rules on requests make need a waypoint, by the same reading as scan's."""
    return tuple(sorted(service.name for service in mesh.index(_needing).get(namespace, ())))


def _needing(mesh: Mesh) -> dict[str, list[Resource[Service]]]:
    found: dict[str, list[Resource[Service]]] = {}
    for service in mesh.of(Service):
        front = fronts.front(mesh, service)
        if front is not None and not front.is_bound and not subsets.is_versioned(service):
            found.setdefault(service.namespace, []).append(service)
    return found


def can_be_bound(service: Resource[Service]) -> bool:
    """Whether calls to the Service can cross a waypoint: it has an address of its own."""
    return policies.can_be_bound(service) and not subsets.is_versioned(service)


def plan(mesh: Mesh, namespace: str, names: Iterable[str], settings: Settings) -> Plan:
    """The plan for the namespace: what is bound stays so, of the rest these Services get a waypoint."""
    found = dict(_bound(mesh, namespace))
    wanted = [each for name in sorted(set(names)) if (each := mesh.find(Service, namespace, name)) and can_be_bound(each)]
    left = [each for each in wanted if (namespace, each.name) not in found]
    if left and settings.spread != "service":
        common = _common(mesh, left, settings)
        found |= {(namespace, each.name): common for each in left}
    else:
        found |= {(namespace, each.name): _made(mesh, each, f"{made.written_name(each)}-waypoint") for each in left}
    return Plan(found)


def _bound(mesh: Mesh, namespace: str) -> Iterator[tuple[Named, Waypoint]]:
    for service in mesh.within(Service, namespace):
        asked = waypoints.binding(mesh, service)
        if can_be_bound(service) and asked and asked.gateway and not asked.fault:
            yield (namespace, service.name), _of(asked.gateway)


def _of(gateway: Resource[Gateway]) -> Waypoint:
    own = gateway.body.metadata.annotations
    return Waypoint(gateway.namespace, gateway.name, account=own.get(fronts.ACCOUNT) or own.get(fronts.NAME) or "")


def _common(mesh: Mesh, left: list[Resource[Service]], settings: Settings) -> Waypoint:
    """The waypoint for Services without one: an existing one that is for Services, else a new one."""
    if known := existing(mesh, left[0].namespace, shared=settings.spread == "shared"):
        return _of(known)
    return _made(mesh, beside(mesh, left, settings), "waypoint")


def beside(mesh: Mesh, members: list[Resource[Service]], settings: Settings) -> Resource[Service]:
    """Beside which Service a new waypoint is written: the first of its own, of a shared one in the first namespace in need."""
    waiting = mesh.index(_needing)
    first = min(waiting, default="") if settings.spread == "shared" else ""
    return anchor(waiting[first] if first and first < members[0].namespace else members)


def anchor(services: Iterable[Resource[Service]]) -> Resource[Service]:
    """The Service beside which a common waypoint is written: the first in the text."""
    return min(services, key=lambda each: (each.file, each.at().order))


def sharing(mesh: Mesh) -> tuple[str, ...]:
    """The namespaces that need a waypoint, which a new shared one has to admit."""
    return tuple(sorted(mesh.index(_needing)))


def existing(mesh: Mesh, namespace: str, *, shared: bool = False) -> Resource[Gateway] | None:
    """A waypoint for Services that the namespace can use: its own, else with `shared` one that admits it."""
    suiting = [
        each
        for each in waypoints.waypoints(mesh)
        if each.body.metadata.labels.get(FOR, "service") in {"service", "all"} and not is_for_egress(each)
    ]
    own = next((each for each in suiting if each.namespace == namespace), None)
    if own is not None or not shared:
        return own
    return next((each for each in suiting if waypoints.admits(mesh, each, namespace)), None)


def is_for_egress(gateway: Resource[Gateway]) -> bool:
    """Whether we made the waypoint for ServiceEntries, whose identity is for calls out of the mesh only."""
    return gateway.body.metadata.annotations.get(FROM, "").startswith("ServiceEntry/")


def named(mesh: Mesh, beside: Resource[Any], wanted: str) -> Waypoint:
    """The waypoint of that name which is ours, or is to be made beside the object; with a number if the name is taken."""
    return _made(mesh, beside, wanted)


def _made(mesh: Mesh, beside: Resource[Any], wanted: str) -> Waypoint:
    """The first of `wanted`, `wanted-2`, … that is ours already, or that nothing is called which istiod would make."""
    for plain in itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2))):
        name = _shown(plain, beside)
        known = mesh.find(Gateway, beside.namespace, name)
        if known is not None and made.is_ours(known):
            return _of(known)
        if not any(mesh.find(kind, beside.namespace, name) for kind in _MAKES):
            return Waypoint(beside.namespace, name, plain, is_new=True)
    raise AssertionError("names do not end")


def _shown(name: str, beside: Resource[Any]) -> str:
    """The name in the mesh; where an overlay renames in a way that nothing explains, whoever makes the object holds it."""
    try:
        return made.renamed(name, beside)
    except Refused:
        return name
