"""Ports of pods as ports of the Service: a sidecar compares the first, a waypoint the second (conversion.md 5.4, A21)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import Service
from ambimigrate.kinds.security import Condition, Operation, Rule, RuleTo
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology.workloads import Workload, behind, target_port

PORT = "destination.port"
Services = tuple[Resource[Service], ...]


class _Never(Exception):
    """A clause of the rule can never match at the Service."""


def uses_ports(rule: Rule) -> bool:
    """Whether the rule compares ports."""
    operations = (each.operation for each in rule.to if each.operation)
    return any(each.ports or each.not_ports for each in operations) or any(each.key == PORT for each in rule.when)


def are_alike(mesh: Mesh, rules: Iterable[Rule], services: Services) -> bool:
    """Whether rules with the ports of all these Services mean the same at each of them: no port leads elsewhere at one."""
    for port in {port for rule in rules for port in _named(rule)}:
        own = [set(_of(mesh, port, (), each)) for each in services]
        every = set().union(*own)
        if any(every & {one.port for one in each.body.spec.ports} != ports for each, ports in zip(services, own, strict=True)):
            return False
    return True


def _named(rule: Rule) -> Iterator[str]:
    """The ports of pods that a rule compares."""
    for each in rule.to:
        if each.operation:
            yield from (*each.operation.ports, *each.operation.not_ports)
    for condition in rule.when:
        if condition.key == PORT:
            yield from (*condition.values, *condition.not_values)


def translated(mesh: Mesh, rule: Rule, number: int, services: Services) -> Rule | None:
    """The rule for the waypoint of these Services, None if it never matches there. Raises Refused."""
    if not uses_ports(rule):
        return rule
    base: Route = ("spec", "rules", number)
    try:
        to = _operations(mesh, rule.to, base, services)
        when = (_condition(mesh, each, (*base, "when", i), services) for i, each in enumerate(rule.when))
        return replace(rule, to=to, when=tuple(each for each in when if each is not None))
    except _Never:
        return None


def _operations(mesh: Mesh, to: tuple[RuleTo, ...], base: Route, services: Services) -> tuple[RuleTo, ...]:
    """The alternatives that can match; none at all if one of them always does."""
    found: list[RuleTo] = []
    for i, each in enumerate(to):
        operation = each.operation or Operation()
        route = (*base, "to", i, "operation")
        ports = _mapped(mesh, operation.ports, (*route, "ports"), services)
        if operation.ports and not ports:
            continue
        changed = replace(operation, ports=ports, not_ports=_mapped(mesh, operation.not_ports, (*route, "notPorts"), services))
        if changed == Operation() != operation:
            return ()
        found.append(RuleTo(operation=changed))
    if to and not found:
        raise _Never
    return tuple(found)


def _condition(mesh: Mesh, condition: Condition, route: Route, services: Services) -> Condition | None:
    if condition.key != PORT:
        return condition
    values = _mapped(mesh, condition.values, (*route, "values"), services)
    if condition.values and not values:
        raise _Never
    excepted = _mapped(mesh, condition.not_values, (*route, "notValues"), services)
    return replace(condition, values=values, not_values=excepted) if values or excepted else None


def _mapped(mesh: Mesh, ports: Iterable[str], route: Route, services: Services) -> tuple[str, ...]:
    pairs = ((port, (*route, i), service) for i, port in enumerate(ports) for service in services)
    return tuple(dict.fromkeys(str(each) for port, place, service in pairs for each in _of(mesh, port, place, service)))


def _of(mesh: Mesh, port: str, route: Route, service: Resource[Service]) -> Iterable[int]:
    """The ports of the Service that lead to this port of its pods."""
    members = behind(mesh, service)
    for each in service.body.spec.ports:
        if isinstance(each.target_port, str) and not each.target_port.isdigit() and not members:
            raise Refused(
                "port", route, f"port {each.target_port} of {service.name} is named by pods that are not in the input"
            )
        leading = [one for one in members if str(target_port(each, one)) == port]
        if leading and len(leading) < len(members):
            raise Refused("port", route, _uneven(port, each.port, service, leading[0]))
        if leading or (not members and str(each.target_port or each.port) == port):
            yield each.port


def _uneven(port: str, own: int, service: Resource[Service], first: Workload) -> str:
    return f"port {own} of Service {service.name} leads to {port} on pods of {first.name} only, and a waypoint sees one port"
