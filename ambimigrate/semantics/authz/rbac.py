"""Whether Envoy's RBAC matches a rule of an AuthorizationPolicy, as Istio compiles it, on HTTP and on TCP chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat

from msgspec import Struct

from ambimigrate.kinds.security import Operation, Rule, Source
from ambimigrate.semantics.authz.attributes import Scope, Test, View, test
from ambimigrate.versions import Version, at_least


class Clause(Struct, frozen=True):
    """An attribute with the values that it must and must not have."""

    key: str
    values: tuple[str, ...]
    not_values: tuple[str, ...]


class Comparison(Struct, frozen=True, eq=False):
    """A clause of which the values are compared in this way."""

    fits: Test
    values: tuple[str, ...]
    not_values: tuple[str, ...]


Comparisons = tuple[Comparison, ...]  # all of them must hold


class Compiled(Struct, frozen=True, eq=False):
    """A rule as it is looked at: all conditions, any source and any operation must hold."""

    conditions: Comparisons
    sources: tuple[Comparisons, ...]
    operations: tuple[Comparisons, ...]


def compiled(rule: Rule, scope: Scope, *, is_http: bool, narrow: bool) -> Compiled | None:
    """The rule as the filter has it; None for one that matches nothing.

    On a TCP chain a rule with an HTTP attribute is left out if `narrow` (ALLOW), else only the attribute is: the rule
    becomes wider (Istio, pilot/pkg/security/authz/model/model.go `checkError`).
    """
    conditions = tuple(Clause(each.key, each.values, each.not_values) for each in rule.when)
    if any(test(each.key, scope) is None for each in conditions):
        return None
    sources = tuple(tuple(_source(each.source, scope.version)) for each in rule.from_) or ((),)
    operations = tuple(tuple(_operation(each.operation)) for each in rule.to) or ((),)
    if not is_http:
        if narrow and any(_is_http(each) for one in (*sources, *operations, conditions) for each in one):
            return None
        conditions = _without_http(conditions)
        sources = tuple(_without_http(each) for each in sources)
        operations = tuple(_without_http(each) for each in operations)
    return Compiled(
        _comparisons(conditions, scope),
        tuple(_comparisons(each, scope) for each in sources),
        tuple(_comparisons(each, scope) for each in operations),
    )


def _comparisons(clauses: Iterable[Clause], scope: Scope) -> Comparisons:
    """How each clause is compared; one without values says nothing."""
    return tuple(
        Comparison(fits, _expanded(each.key, each.values, scope), _expanded(each.key, each.not_values, scope))
        for each in clauses
        if (each.values or each.not_values) and (fits := test(each.key, scope)) is not None
    )


def matches(rule: Compiled, view: View) -> bool:
    """Whether the rule matches."""
    return (
        _all(rule.conditions, view)
        and any(map(_all, rule.sources, repeat(view)))
        and any(map(_all, rule.operations, repeat(view)))
    )


def _all(comparisons: Comparisons, view: View) -> bool:
    return all(map(_holds, comparisons, repeat(view)))


def _holds(comparison: Comparison, view: View) -> bool:
    fits, values, not_values = comparison.fits, comparison.values, comparison.not_values
    if values and not any(map(fits, values, repeat(view))):
        return False
    return not any(map(fits, not_values, repeat(view)))


def _source(source: Source | None, version: Version) -> Iterator[Clause]:
    if source is None:
        return
    yield Clause("source.principal", source.principals, source.not_principals)
    yield Clause("source.namespace", source.namespaces, source.not_namespaces)
    yield Clause("source.ip", source.ip_blocks, source.not_ip_blocks)
    yield Clause("remote.ip", source.remote_ip_blocks, source.not_remote_ip_blocks)
    yield Clause("request.auth.principal", source.request_principals, source.not_request_principals)
    if at_least(version, "1.25.0"):
        yield Clause("source.serviceAccount", source.service_accounts, source.not_service_accounts)
    if at_least(version, "1.30.2"):
        yield Clause("source.trustDomain", source.trust_domains, source.not_trust_domains)


def _operation(operation: Operation | None) -> Iterator[Clause]:
    if operation is None:
        return
    yield Clause("destination.port", operation.ports, operation.not_ports)
    yield Clause("hosts", operation.hosts, operation.not_hosts)
    yield Clause("methods", operation.methods, operation.not_methods)
    yield Clause("paths", operation.paths, operation.not_paths)


def _is_http(clause: Clause) -> bool:
    used = bool(clause.values or clause.not_values)
    return used and (clause.key in {"hosts", "methods", "paths"} or clause.key.startswith("request."))


def _without_http(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    return tuple(each for each in clauses if not _is_http(each))


def _expanded(key: str, values: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """A trust domain of the mesh means all of them (Istio, pilot/pkg/security/trustdomain/bundle.go)."""
    if key == "source.trustDomain":
        return tuple(each for value in values for each in (scope.domains if value in scope.domains else (value,)))
    if key == "source.principal":
        return tuple(each for value in values for each in _principals(value, scope.domains))
    return values


def _principals(value: str, domains: tuple[str, ...]) -> tuple[str, ...]:
    domain, _, rest = value.partition("/")
    if value.count("/") != 4 or domain == "*":
        return (value,)
    if domain != "cluster.local" and not any(_is_domain(each, domain) for each in domains):
        return (value,)
    return tuple(value if _is_domain(each, domain) else f"{each}/{rest}" for each in domains)


def _is_domain(domain: str, pattern: str) -> bool:
    return domain == pattern or (pattern.startswith("*") and domain.endswith(pattern[1:]))
