"""DR004: TLS that the client's sidecar starts, which nobody starts without a waypoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import is_read, named, parts, subjects
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import ingress, reach, waypoints

_STARTED = frozenset({"SIMPLE", "MUTUAL"})


@rule("DR004", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    if not starts(dr.body):
        return
    found = [each for each in subjects(mesh, dr) if not waypoints.is_bound(mesh, each) or not _reads(mesh, dr, each)]
    if not found:
        return
    for route, policy in parts(dr.body):
        if policy.tls and policy.tls.mode in _STARTED:
            yield from _hits(dr, route, policy.tls.mode, found, mesh)


def starts(dr: DestinationRule) -> bool:
    """Whether sidecars start TLS by it that the application behind has to speak."""
    return any(policy.tls is not None and policy.tls.mode in _STARTED for _, policy in parts(dr))


def _reads(mesh: Mesh, dr: Resource[DestinationRule], target: Resource[Any]) -> bool:
    return is_read(mesh, dr.namespace, target)


def _hits(
    dr: Resource[DestinationRule], route: tuple[str | int, ...], mode: str, found: list[Resource[Any]], mesh: Mesh
) -> Iterator[Hit]:
    place = dr.at(*route, "tls")
    outside = [each for each in found if not isinstance(each.body, Service)]
    unread = [each for each in outside if waypoints.is_bound(mesh, each)]
    if outside and outside != unread:
        yield Hit(
            place,
            f"fails open: no waypoint starts TLS ({mode}) towards {dr.body.spec.host}, ambient callers send plaintext to it",
            case="external",
        )
    elif unread:
        yield Hit(
            place,
            f"fails open: the waypoint of {named(unread)} does not look in {dr.namespace}, so it sends plaintext to"
            f" {dr.body.spec.host}",
            case="unread",
        )
    inside = [each for each in found if isinstance(each.body, Service)]
    gateways = [each for each in inside if ingress.to(mesh, each) and not reach.mesh_virtual_services(mesh, each)]
    callers = [each for each in inside if each not in gateways]
    if callers:
        message = f"no waypoint starts TLS ({mode}) towards {named(callers)}: ambient callers' plaintext meets a TLS port"
        yield Hit(place, message, case="service", services=reach.needed(callers))
    elif gateways:
        message = f"gateways keep starting TLS towards {named(gateways)}; ambient callers inside the mesh do not"
        yield Hit(place, message, case="gateway")
