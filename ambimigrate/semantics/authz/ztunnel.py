"""What ztunnel decides: the part of each policy that it is sent, matched against a connection.

Sources: istio, pilot/pkg/serviceregistry/ambient/authorization.go `convertAuthorizationPolicy`; ztunnel, src/rbac.rs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Condition, Operation, Rule, Source
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import strict
from ambimigrate.semantics.authz import attach, settings
from ambimigrate.semantics.authz.model import Call, Decision, Hop, Verdict, place
from ambimigrate.semantics.authz.strings import fits, in_block
from ambimigrate.topology import waypoints
from ambimigrate.topology.meshconfig import root_namespace
from ambimigrate.topology.workloads import Workload, matches, services_of
from ambimigrate.versions import Version, at_least

_L4_CONDITIONS = frozenset({"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"})


class Connection(Struct, frozen=True):
    """What ztunnel knows of a connection: the port is the pod's."""

    principal: str | None
    source_ip: str | None
    pod_ip: str
    port: int


class Match(Struct, frozen=True):
    """What all must hold; a field without values says nothing, and a Match that says nothing never matches."""

    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    not_accounts: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    not_sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    not_destinations: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()


Clauses = tuple[tuple[Match, ...], ...]  # all of them must hold: of each any Match


class Authorization(Struct, frozen=True):
    """A policy as ztunnel is sent it."""

    name: str
    denies: bool
    rules: tuple[Clauses, ...]


def decide(mesh: Mesh, call: Call, workload: Workload, port: int) -> Decision:
    """The decision about a connection to this port of the workload; it knows no request."""
    principal = call.caller.principal
    path = (Hop("ztunnel", place(workload), principal),)
    refusal = _refusal(mesh, workload, Connection(principal, call.caller.ip, call.pod_ip, port))
    if refusal is not None:
        return Decision(Verdict.DENY, 0, path, because=refusal)
    return Decision(Verdict.ALLOW, 200, path)


def _refusal(mesh: Mesh, workload: Workload, connection: Connection) -> str | None:
    principal = connection.principal
    if principal is not None and principal.partition("/")[0] != settings.trust_domain(mesh):
        return "the caller is of another trust domain"
    if principal is None and strict.demands_identity(mesh, workload, connection.port):
        return "PeerAuthentication"
    sent = tuple(_sent_for(mesh, workload))
    denying = next((each for each in sent if each.denies and _applies(each, connection)), None)
    if denying is not None:
        return denying.name
    allowing = tuple(each for each in sent if not each.denies)
    if allowing and not any(_applies(each, connection) for each in allowing):
        return "no ALLOW policy matches"
    return None


def _sent_for(mesh: Mesh, workload: Workload) -> Iterator[Authorization]:
    """The policies that bind the workload: by selector, of its namespace, and of the root namespace."""
    for policy in attach.living_in(mesh, AuthorizationPolicy, workload.namespace, root_namespace(mesh)):
        spec = policy.body.spec
        if spec.selector is not None and not matches(spec.selector.match_labels, workload.labels):
            continue
        made = converted(policy, mesh.target.istio)
        if made is not None:
            yield made
    yield from _auto_allowed(mesh, workload)


def converted(policy: Resource[AuthorizationPolicy], version: Version) -> Authorization | None:
    """What ztunnel is sent of a policy, None if nothing."""
    spec = policy.body.spec
    dry_run = policy.body.metadata.annotations.get("istio.io/dry-run", "").lower() in {"1", "t", "true"}
    if spec.target_ref or spec.target_refs or spec.action not in {"ALLOW", "DENY"}:
        return None
    if dry_run and at_least(version, "1.25.2"):
        return None
    denies = spec.action == "DENY"
    rules = (_clauses(rule, policy.namespace, version) for rule in spec.rules or () if denies or not _has_l7(rule))
    return Authorization(str(policy.ref), denies, tuple(rules))


def _has_l7(rule: Rule) -> bool:
    return (
        any(_operation_l7(each.operation) for each in rule.to)
        or any(_source_l7(each.source) for each in rule.from_)
        or any(each.key not in _L4_CONDITIONS for each in rule.when)
    )


def _operation_l7(operation: Operation | None) -> bool:
    parts = operation or Operation()
    named = (parts.hosts, parts.not_hosts, parts.methods, parts.not_methods, parts.paths, parts.not_paths)
    return any(named)


def _source_l7(source: Source | None) -> bool:
    parts = source or Source()
    addresses = (parts.remote_ip_blocks, parts.not_remote_ip_blocks)
    return any((*addresses, parts.request_principals, parts.not_request_principals))


def _clauses(rule: Rule, namespace: str, version: Version) -> Clauses:
    """What stays of a rule: its L4 fields. Trust domains are neither sent nor counted as L7 (conversion.md 5.3)."""
    operations = tuple(_of_operation(each.operation or Operation()) for each in rule.to)
    sources = tuple(_of_source(each.source or Source(), namespace, version) for each in rule.from_)
    conditions = tuple((_of_condition(each),) for each in rule.when)
    return tuple(clause for clause in (operations, sources) if clause) + conditions


def _of_operation(operation: Operation) -> Match:
    return Match(ports=_ports(operation.ports), not_ports=_ports(operation.not_ports))


def _of_source(source: Source, namespace: str, version: Version) -> Match:
    knows_accounts = at_least(version, "1.25.0")
    return Match(
        principals=source.principals,
        not_principals=source.not_principals,
        namespaces=source.namespaces,
        not_namespaces=source.not_namespaces,
        accounts=_accounts(source.service_accounts, namespace) if knows_accounts else (),
        not_accounts=_accounts(source.not_service_accounts, namespace) if knows_accounts else (),
        sources=source.ip_blocks,
        not_sources=source.not_ip_blocks,
    )


def _of_condition(condition: Condition) -> Match:
    values, not_values = condition.values, condition.not_values
    match condition.key:
        case "source.namespace":
            return Match(namespaces=values, not_namespaces=not_values)
        case "source.principal":
            return Match(principals=values, not_principals=not_values)
        case "source.ip":
            return Match(sources=values, not_sources=not_values)
        case "destination.ip":
            return Match(destinations=values, not_destinations=not_values)
        case "destination.port":
            return Match(ports=_ports(values), not_ports=_ports(not_values))
    return Match()


def _accounts(values: Iterable[str], namespace: str) -> tuple[str, ...]:
    return tuple(each if "/" in each else f"{namespace}/{each}" for each in values)


def _ports(values: Iterable[str]) -> tuple[str, ...]:
    """An entry that is no port is left out, which may leave nothing."""
    return tuple(str(int(each)) for each in values if each.isdecimal() and int(each) <= 65535)


def _auto_allowed(mesh: Mesh, workload: Workload) -> Iterator[Authorization]:
    if not settings.is_on(mesh, settings.AUTO_ALLOW):
        return
    for service in services_of(mesh, workload):
        found = waypoints.binding(mesh, service)
        if found is not None and found.fault is None:
            identity = f"{settings.trust_domain(mesh)}/ns/{found.namespace}/sa/{found.name}"
            yield Authorization(settings.AUTO_ALLOW, denies=False, rules=(((Match(principals=(identity,)),),),))


def _applies(authorization: Authorization, connection: Connection) -> bool:
    return any(all(_any(clause, connection) for clause in rule) for rule in authorization.rules)


def _any(clause: tuple[Match, ...], connection: Connection) -> bool:
    return any(each != Match() and _holds(each, connection) for each in clause)


def _holds(match: Match, connection: Connection) -> bool:
    namespace, account = _parts(connection.principal)
    checks = (
        (match.principals, match.not_principals, lambda each: fits(each, connection.principal or "")),
        (match.namespaces, match.not_namespaces, lambda each: fits(each, namespace)),
        (match.accounts, match.not_accounts, lambda each: each == f"{namespace}/{account}"),
        (match.sources, match.not_sources, lambda each: in_block(each, connection.source_ip)),
        (match.destinations, match.not_destinations, lambda each: in_block(each, connection.pod_ip)),
        (match.ports, match.not_ports, lambda each: each == str(connection.port)),
    )
    return all((not wanted or any(map(test, wanted))) and not any(map(test, unwanted)) for wanted, unwanted, test in checks)


def _parts(principal: str | None) -> tuple[str, str]:
    """Namespace and service account of an identity `<trust domain>/ns/<namespace>/sa/<name>`."""
    parts = (principal or "").split("/")
    return (parts[2], parts[4]) if len(parts) == 5 else ("", "")
