"""AP803: a new way to pods of a migrated namespace, past the policies that a waypoint carries out for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ambimigrate.gate.back.compare import Found, Pair, same, same_workload
from ambimigrate.gate.back.protection import is_served, is_shut, judging
from ambimigrate.kinds import Service
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import fronts, hosts, mtls, policies
from ambimigrate.topology.workloads import Workload, behind, services_of

Judged = tuple[Resource[Service], tuple[Resource[Any], ...]]  # a Service and what only its waypoint can judge

OUTSIDE = ("NodePort", "LoadBalancer")


class Door(NamedTuple):
    """Which kind of way it is, and past which Service and its policies it leads."""

    case: str
    past: Resource[Service]
    policies: tuple[Resource[Any], ...]


def check(pair: Pair) -> Iterator[Found]:
    for service in pair.after.within(Service, *sorted(pair.migrated)):
        door = _door(pair, service)
        if door is not None:
            yield Found(service, _route(door.case), _message(service, door), door.case)


def _door(pair: Pair, service: Resource[Service]) -> Door | None:
    mesh = pair.after
    was = same(pair.before, service) if pair.before is not None else None
    if service.body.spec.type == "ExternalName":
        past = mesh.index(_protected_hosts).get(service.body.spec.external_name.rstrip("."))
        is_new = was is None or was.body.spec.external_name != service.body.spec.external_name
        return Door("external", past, judging(mesh, past)) if past is not None and is_new else None
    found = (_past(pair, service, was, workload) for workload in behind(mesh, service))
    return next((each for each in found if each is not None), None)


def _past(pair: Pair, service: Resource[Service], was: Resource[Service] | None, workload: Workload) -> Door | None:
    """The way that the Service opens to the pods of one workload."""
    mesh = pair.after
    other = _other(mesh, service, workload) or _former(pair, service, workload)
    if other and _is_new(pair, service, was, workload) and (case := _case(mesh, service, workload, other[0])):
        return Door(case, *other)
    own = (service, judging(mesh, service)) if judging(mesh, service) else other
    if own and _is_new_outside(pair, service, was, workload) and _is_open_outside(mesh, workload, own[0]):
        return Door("outside", *own)
    return None


def _other(mesh: Mesh, service: Resource[Service], workload: Workload) -> Judged | None:
    """Another Service in front of the pods whose waypoint judges requests."""
    others = (each for each in services_of(mesh, workload) if each is not service)
    return next(((each, judging(mesh, each)) for each in others if judging(mesh, each)), None)


def _former(pair: Pair, service: Resource[Service], workload: Workload) -> Judged | None:
    """Such a Service that this one takes the place of, as after a renaming that the policies do not know of."""
    known = same_workload(pair.before, workload) if pair.before is not None else None
    found = _other(pair.before, service, known) if pair.before is not None and known is not None else None
    return found if found is not None and same(pair.after, found[0]) is None else None


def _protected_hosts(mesh: Mesh) -> Mapping[str, Resource[Service]]:
    """The Services with policies at a waypoint, by the names that an ExternalName can give."""
    found = (each for each in mesh.of(Service) if judging(mesh, each))
    return {name: each for each in found for name in (hosts.host_of(each), f"{each.name}.{each.namespace}.svc")}


def _is_new(pair: Pair, service: Resource[Service], was: Resource[Service] | None, workload: Workload) -> bool:
    """Whether the Service did not lead to these pods before."""
    if pair.before is None or was is None or was.body.spec.selector != service.body.spec.selector:
        return True
    known = same_workload(pair.before, workload)
    return known is not None and was not in services_of(pair.before, known)


def _is_new_outside(pair: Pair, service: Resource[Service], was: Resource[Service] | None, workload: Workload) -> bool:
    if service.body.spec.type not in OUTSIDE:
        return False
    return was is None or was.body.spec.type not in OUTSIDE or _is_new(pair, service, was, workload)


def _case(mesh: Mesh, service: Resource[Service], workload: Workload, past: Resource[Service]) -> str | None:
    """How it leads past the policies; None if it does not, or if ztunnel refuses all who come that way."""
    if is_served(mesh, service):
        return None if judging(mesh, service) else "unlisted"
    if is_shut(mesh, workload, _principals(mesh, past)):
        return None
    return "headless" if hosts.is_headless(service) else "unbound"


def _is_open_outside(mesh: Mesh, workload: Workload, past: Resource[Service]) -> bool:
    """Whether ztunnel lets connections from outside of the mesh pass, which come without an identity."""
    return mtls.of_workload(mesh, workload) != mtls.STRICT and not is_shut(mesh, workload, _principals(mesh, past))


def _principals(mesh: Mesh, service: Resource[Service]) -> frozenset[str]:
    found = fronts.front(mesh, service)
    return frozenset(found.principals(mesh)) if found else frozenset()


def _route(case: str) -> Route:
    return {"external": ("spec", "externalName"), "outside": ("spec", "type"), "headless": ("spec", "clusterIP")}.get(
        case, ("metadata", "name")
    )


def _message(service: Resource[Service], door: Door) -> str:
    past, names = door.past.name, policies.listed(str(each.ref) for each in door.policies)
    said = {
        "external": f"gateways that call {service.name} reach {past} by DNS, past {names} at its waypoint",
        "outside": f"type {service.body.spec.type} lets callers from outside the mesh reach the pods of {past} past {names}",
        "headless": f"callers of headless Service {service.name} reach the pods of {past} past {names} at the waypoint",
        "unbound": f"no waypoint serves {service.name}, so its callers reach the pods of {past} past {names}",
        "unlisted": f"{service.name} leads to the pods of {past} and no policy names it: its callers get past {names}",
    }
    return f"fails open: {said[door.case]}"
