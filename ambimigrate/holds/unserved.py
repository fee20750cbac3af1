"""Settings of DestinationRules that hold nobody and that nobody carries out for ambient callers, in words for the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import Change
from ambimigrate.checks.destinationrule import dr001_needs_waypoint, dr004_tls_origination
from ambimigrate.checks.destinationrule.policies import Policy, parts
from ambimigrate.converters.apply import after
from ambimigrate.holds import calls
from ambimigrate.kinds import DestinationRule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology.policies import listed


def notes(meshes: Iterable[Mesh], left: tuple[Change, ...]) -> Iterator[str]:
    """What the sidecars of namespaces that enrol did, and neither ztunnel nor a waypoint will."""
    for mesh in meshes:
        moving = calls.enrolling(mesh, left, ()) if any(map(_may_be_lost, mesh.of(DestinationRule))) else ()
        if not moving:
            continue
        end = after(mesh, (each for each in left if each.mesh == mesh.name))
        where = f" of {mesh.name}" if mesh.name else ""
        for dr in end.of(DestinationRule):
            for hit in _lost(dr, end):
                yield f"{dr.ref}{where}: {hit.message}. That holds for callers of {listed(moving)} once they are ambient."


def _may_be_lost(dr: Resource[DestinationRule]) -> bool:
    """Most rules have neither, and the end state need not be made for them."""
    return any(_is_either(policy) for _, policy in parts(dr.body))


def _is_either(policy: Policy) -> bool:
    return bool(policy.load_balancer and policy.load_balancer.simple) or bool(policy.tls)


def _lost(dr: Resource[DestinationRule], end: Mesh) -> Iterator[Hit]:
    """Hits of the cases that are information: those that are more ask for a waypoint, or hold."""
    for check, case in ((dr001_needs_waypoint.check, "balancing"), (dr004_tls_origination.check, "gateway")):
        yield from (hit for hit in check(dr, end) if hit.case == case)
