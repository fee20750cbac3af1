"""Callers of a namespace that have no identity today and get one: whether a policy then decides otherwise about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule, Source

_ALLOW, _DENY = "ALLOW", "DENY"


def gains(policy: AuthorizationPolicy, namespace: str) -> bool:
    """Whether callers of the namespace may be let in with an identity where without one they were refused."""
    changes = set(_changes(policy, namespace))
    return (True in changes) if policy.spec.action != _DENY else (False in changes)


def loses(policy: AuthorizationPolicy, namespace: str) -> bool:
    """Whether callers of the namespace may be refused with an identity where without one they were let in."""
    changes = set(_changes(policy, namespace))
    return (False in changes) if policy.spec.action != _DENY else (True in changes)


def _changes(policy: AuthorizationPolicy, namespace: str) -> Iterator[bool]:
    """For each rule that may match otherwise with an identity: what it may match then."""
    for rule in policy.spec.rules or ():
        if any(each.key.startswith("source.") and each.key != "source.ip" for each in rule.when):
            yield from (True, False)
        yield from _sources(rule, namespace)


def _sources(rule: Rule, namespace: str) -> Iterator[bool]:
    for entry in rule.from_:
        if entry.source is not None:
            without = not _positive(entry.source)
            yield from _outcomes(entry.source, namespace) - {without}


def _positive(source: Source) -> bool:
    return bool(source.principals or source.namespaces or source.service_accounts or source.trust_domains)


def _outcomes(source: Source, namespace: str) -> set[bool]:
    """What the identity part of a source may say of a caller of the namespace, whose service account is not known."""
    found = {True}
    if source.namespaces:
        found = {_is_one(source.namespaces, namespace)}
    if _is_one(source.not_namespaces, namespace):
        found = {False}
    accounts = (*source.principals, *source.service_accounts)
    excepted = (*source.not_principals, *source.not_service_accounts)
    if accounts:
        found = {False, *found} if _may_be(accounts, namespace) else {False}
    if (excepted and _may_be(excepted, namespace)) or source.trust_domains or source.not_trust_domains:
        found = {False, *found}
    return found


def _is_one(patterns: Iterable[str], text: str) -> bool:
    """Exact, `pre*`, `*suf` or `*`, as in AuthorizationPolicies."""
    return any(
        each == text
        or (each.endswith("*") and text.startswith(each[:-1]))
        or (each.startswith("*") and text.endswith(each[1:]))
        for each in patterns
    )


def _may_be(accounts: Iterable[str], namespace: str) -> bool:
    """Whether one of the principals or service accounts may be of the namespace."""
    return any(
        "*" in each or f"/ns/{namespace}/" in each or each.startswith(f"{namespace}/") or "/" not in each for each in accounts
    )
