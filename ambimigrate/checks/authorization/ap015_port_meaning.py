"""AP015: port numbers, which mean the container's port at ztunnel and the Service's port at a waypoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import attachment, fronts, policies, workloads, ztunnel
from ambimigrate.topology.fronts import Front


@rule("AP015", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    written = list(_ports(policy.body))
    if not written or ztunnel.is_dry_run(policy.body):
        return
    if policies.targets(policy):
        yield from _at_waypoint(policy, mesh, written)
        return
    scope = policies.scope(mesh, policy)
    if scope.concerns and (ztunnel.uses_l7(policy.body) or policy.body.spec.action == "CUSTOM"):
        yield from _to_move(policy, mesh, written, list(fronts.fronts(mesh, scope.services)))


def _at_waypoint(policy: Resource[AuthorizationPolicy], mesh: Mesh, written: list[tuple[Route, str, bool]]) -> Iterator[Hit]:
    reached = list(attachment.reached(mesh, policy))
    known = {str(port) for each in reached for port in _numbers(each)}
    if not known:
        return
    deny = policy.body.spec.action == "DENY"
    names = policies.listed(each.name for each in reached)
    for route, value, negated in written:
        if value not in known:
            opens = deny is not negated
            said = f"{value} is no port of {names} ({', '.join(sorted(known))}), and a waypoint compares the Service's ports"
            effect = "always holds" if negated else "never matches"
            yield Hit(policy.at(*route), f"{'fails open: ' if opens else ''}{said}: it {effect}", "open" if opens else "closed")


def _to_move(
    policy: Resource[AuthorizationPolicy], mesh: Mesh, written: list[tuple[Route, str, bool]], behind: list[Front]
) -> Iterator[Hit]:
    for route, value, _ in written:
        for front in behind:
            ports = [
                str(port.port)
                for port in front.service.body.spec.ports
                if any(str(workloads.target_port(port, each)) == value for each in workloads.behind(mesh, front.service))
            ]
            if ports and value not in ports:
                name = front.service.name
                message = (
                    f"{value} is the container's port; at the waypoint of {name} write {', '.join(ports)}, the Service's port"
                )
                yield Hit(policy.at(*route), message, "move")
                break


def _numbers(target: Resource[Any]) -> Iterator[int]:
    for port in target.body.spec.ports:
        yield port.port if isinstance(target.body, Service) else port.number


def _ports(policy: AuthorizationPolicy) -> Iterator[tuple[Route, str, bool]]:
    """Every port that a policy writes, with its route, and whether it is an exception."""
    for route, values, negated in _lists(policy):
        yield from (((*route, n), value, negated) for n, value in enumerate(values))


def _lists(policy: AuthorizationPolicy) -> Iterator[tuple[Route, tuple[str, ...], bool]]:
    for i, found in enumerate(policy.spec.rules or ()):
        for j, each in enumerate(found.to):
            if each.operation:
                base: Route = ("spec", "rules", i, "to", j, "operation")
                yield (*base, "ports"), each.operation.ports, False
                yield (*base, "notPorts"), each.operation.not_ports, True
        for j, condition in enumerate(found.when):
            if condition.key == "destination.port":
                yield ("spec", "rules", i, "when", j, "values"), condition.values, False
                yield ("spec", "rules", i, "when", j, "notValues"), condition.not_values, True
