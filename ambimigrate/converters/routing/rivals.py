"""Several VirtualServices about one host: which one sidecars follow, and which have no effect."""

from __future__ import annotations

from typing import Any

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing.flat import flatten, speaks
from ambimigrate.converters.routing.work import Work
from ambimigrate.kinds import ServiceEntry, VirtualService
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import hosts, reach
from ambimigrate.topology.protocols import carries_http

WINNER = "VS912"
EXPORT = "defaultVirtualServiceExportTo"


def rank(vs: Resource[VirtualService], full: str) -> int:
    """How closely the VirtualService names the host: the longest of its hosts that cover it, an exact one above all."""
    found = [hosts.full_name(each, vs.namespace) for each in vs.body.spec.hosts]
    return max((len(each) + (len(full) if each == full else 0) for each in found if hosts.covers(each, full)), default=0)


def is_first(work: Work, target: Resource[Any], full: str, place: Route) -> bool:
    """Whether sidecars follow this VirtualService for the Service, and not another one (sidecar.go, route.go). Raises Refused.

    An exact name wins over a wildcard, of equal ones the oldest wins alone. A waypoint takes them all, one after the other
    (1.28.6, 1.29.2, 1.30), or the first whatever its host (before): so the others have to be without effect and gone.
    """
    vs, mesh = work.vs, work.mesh
    others = [each for each in reach.mesh_virtual_services(mesh, target) if each.ref != vs.ref and rank(each, full)]
    own = rank(vs, full)
    if any(rank(each, full) > own for each in others):
        return False
    wider = [each for each in others if rank(each, full) < own]
    if wider:
        reason = f"VirtualService {_names(wider)} also covers {target.name}; a waypoint would add its rules, sidecars do not"
        raise Refused("several", place, reason)
    equal = [each for each in others if rank(each, full) == own]
    if not equal:
        return True
    _check_seen(equal, full, mesh, place)
    first = _first((vs, *equal), mesh) or _agreed(work, equal, full, place)
    _check_alone(first, [vs, *equal], target, mesh, place)
    return first is vs


def _check_seen(equal: list[Resource[VirtualService]], full: str, mesh: Mesh, place: Route) -> None:
    """One that only some namespaces see comes first for their callers (push_context.go `VirtualServicesForGateway`)."""
    for each in equal:
        if not reach.is_exported(mesh, each.body.spec.export_to, each.namespace, "*", EXPORT):
            reason = (
                f"VirtualService {each.namespace}/{each.name} routes {full} for some namespaces, a waypoint serves all alike"
            )
            raise Refused("export", place, reason)


def _agreed(work: Work, equal: list[Resource[VirtualService]], full: str, place: Route) -> Resource[VirtualService]:
    """The one that the user takes for the oldest. Raises Refused."""
    named = [each for each in (work.vs, *equal) if work.settings.accepts(WINNER, each)]
    reason = f"VirtualService {_names(equal)} routes {full}, too; the oldest wins, which no file tells"
    if len(named) != 1:
        raise Refused("several", place, reason)
    known = Refused("several", place, f"it is not known that {named[0].name} is the oldest: {reason}")
    work.account.agree(work.settings, WINNER, named[0], known)
    return named[0]


def _names(found: list[Resource[VirtualService]]) -> str:
    return reach.listed(each.name for each in found)


def _first(found: tuple[Resource[VirtualService], ...], mesh: Mesh) -> Resource[VirtualService] | None:
    """The one that counts: of equal ones any, else the oldest where all ages are known."""
    ordered = sorted(found, key=lambda each: (each.body.metadata.creation_timestamp or "", each.name, each.namespace))
    if len({each.namespace for each in found}) == 1 and all(each.body.spec == found[0].body.spec for each in found):
        return ordered[0]
    if not all(each.body.metadata.creation_timestamp for each in found):
        return None
    return ordered[0]


def _check_alone(
    first: Resource[VirtualService], equal: list[Resource[VirtualService]], target: Resource[Any], mesh: Mesh, place: Route
) -> None:
    """The first leaves no port to the others; rules for connections are walked through all of them (tls.go)."""
    if any(each.body.spec.tcp or each.body.spec.tls for each in equal):
        raise Refused(
            "several", place, f"VirtualServices {_names(equal)} route {target.name}, and rules for connections add up"
        )
    flat = flatten(first, mesh, Account())
    rest = _names([each for each in equal if each is not first])
    for number in _ports(target):
        if not speaks(flat, number):
            reason = (
                f"VirtualService {first.name} says nothing about port {number} of {target.name}, so {rest} counts there, too"
            )
            raise Refused("several", place, reason)


def _ports(target: Resource[Any]) -> list[int]:
    if isinstance(target.body, ServiceEntry):
        return [each.number for each in target.body.spec.ports]
    return [each.port for each in target.body.spec.ports if carries_http(each)]
