"""What ztunnel enforces of an AuthorizationPolicy without targetRefs: per rule what is dropped, inert, broader or kept.

Facts from Istio, pilot/pkg/serviceregistry/ambient/authorization.go (`convertAuthorizationPolicy`, `handleRule`) and
ztunnel, src/rbac.rs (`Authorization::matches`), the same on 1.22 to 1.31 unless a version is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ambimigrate import support
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Condition, Operation, Rule, Source
from ambimigrate.model import Route
from ambimigrate.topology.booleans import TRUE
from ambimigrate.versions import Version

DRY_RUN = "istio.io/dry-run"
L4_CONDITIONS = frozenset({"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"})

L4_SOURCE = {
    "principals": "principals",
    "not_principals": "notPrincipals",
    "namespaces": "namespaces",
    "not_namespaces": "notNamespaces",
    "ip_blocks": "ipBlocks",
    "not_ip_blocks": "notIpBlocks",
    "service_accounts": "serviceAccounts",  # 1.25+; the field does not exist before
    "not_service_accounts": "notServiceAccounts",
}
L7_SOURCE = {
    "request_principals": "requestPrincipals",
    "not_request_principals": "notRequestPrincipals",
    "remote_ip_blocks": "remoteIpBlocks",
    "not_remote_ip_blocks": "notRemoteIpBlocks",
}
TRUST_DOMAINS = {"trust_domains": "trustDomains", "not_trust_domains": "notTrustDomains"}  # neither sent nor reported
L4_OPERATION = {"ports": "ports", "not_ports": "notPorts"}
L7_OPERATION = {
    "hosts": "hosts",
    "not_hosts": "notHosts",
    "methods": "methods",
    "not_methods": "notMethods",
    "paths": "paths",
    "not_paths": "notPaths",
}
NOBODY = "ambimigrate.io/none-but-ztunnel"  # a requestPrincipal that no token has; ztunnel leaves it out of a DENY


class Member(Struct, frozen=True):
    """One source, operation or condition: the fields that ztunnel compares and those that it does not."""

    route: Route
    l4: tuple[str, ...] = ()
    l7: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()

    def at(self, field: str) -> Route:
        """The route to one of its fields (a condition's field is the condition itself)."""
        return self.route if "when" in self.route else (*self.route, field)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of it at ztunnel, which skips empty matches."""
        return not self.l4


class RuleEffect(Struct, frozen=True):
    """What ztunnel makes of one rule.

    `dropped`: an ALLOW rule with an L7 field is out. `inert`: a rule with a clause that has no L4 field left never
    matches. `lost`: alternatives of a DENY clause that are skipped, since all their fields are L7. `broader`:
    alternatives that match more than written, since only their L4 fields are compared. `trust`: members with
    trustDomains, which are left out without a word.
    """

    index: int
    clauses: tuple[tuple[Member, ...], ...]
    dropped: bool = False
    inert: bool = False
    lost: tuple[Member, ...] = ()
    broader: tuple[Member, ...] = ()
    trust: tuple[Member, ...] = ()

    @property
    def members(self) -> Iterator[Member]:
        return (member for clause in self.clauses for member in clause)

    @property
    def l7(self) -> tuple[str, ...]:
        """The names of the fields that ztunnel does not compare."""
        return tuple(dict.fromkeys(field for member in self.members for field in member.l7))

    @property
    def first(self) -> Route:
        """The route to the first field that ztunnel does not compare, else to the rule."""
        found = (member.at(field) for member in self.members for field in (*member.l7, *member.trust))
        return next(found, ("spec", "rules", self.index))


def is_closing(rule: Rule) -> bool:
    """Whether a rule of a DENY is ours for ztunnel alone: it refuses who is not named, and no sidecar matches it."""
    sources = [each.source for each in rule.from_ if each.source]
    return bool(sources) and all(each.not_principals and each.request_principals == (NOBODY,) for each in sources)


def is_dry_run(policy: AuthorizationPolicy) -> bool:
    """Whether the policy only reports what it would do."""
    return policy.metadata.annotations.get(DRY_RUN, "") in TRUE


def is_sent(policy: AuthorizationPolicy, istio: Version) -> bool:
    """Whether ztunnel receives the policy: ALLOW and DENY, and those in dry run before 1.25.2 (istio#55414)."""
    if policy.spec.target_ref or policy.spec.target_refs or policy.spec.action not in {"", "ALLOW", "DENY"}:
        return False
    return not is_dry_run(policy) or support.status("dry-run", "ztunnel", istio) == "fails closed"


def effects(policy: AuthorizationPolicy) -> tuple[RuleEffect, ...]:
    """What ztunnel makes of each rule; nothing for policies that it never receives by their form."""
    deny = policy.spec.action == "DENY"
    return tuple(_effect(rule, index, deny=deny) for index, rule in enumerate(policy.spec.rules or ()))


def _effect(rule: Rule, index: int, *, deny: bool) -> RuleEffect:
    found = tuple(clauses(rule, index))
    members = [member for clause in found for member in clause]
    trust = tuple(member for member in members if member.trust)
    if not deny:
        return RuleEffect(index, found, dropped=any(member.l7 for member in members), inert=_is_inert(found), trust=trust)
    if _is_inert(found):
        return RuleEffect(index, found, inert=True, trust=trust)
    lost = tuple(member for member in members if member.is_empty and (member.l7 or member.trust))
    broader = tuple(member for member in members if member.l4 and member.l7)
    return RuleEffect(index, found, lost=lost, broader=broader, trust=trust)


def _is_inert(found: Iterable[tuple[Member, ...]]) -> bool:
    """Whether a clause has no member left: the rule then never matches (istio#61126, ztunnel `rbac_empty_policy`)."""
    return any(all(member.is_empty for member in clause) for clause in found)


def clauses(rule: Rule, index: int) -> Iterator[tuple[Member, ...]]:
    """All sources together, all operations together, and each condition alone: a rule matches if every clause does."""
    base: Route = ("spec", "rules", index)
    sources = tuple(_source(each.source, (*base, "from", i, "source")) for i, each in enumerate(rule.from_) if each.source)
    operations = tuple(
        _operation(each.operation, (*base, "to", i, "operation")) for i, each in enumerate(rule.to) if each.operation
    )
    yield from (clause for clause in (sources, operations) if clause)
    for i, condition in enumerate(rule.when):
        yield (_condition(condition, (*base, "when", i)),)


def _source(source: Source, route: Route) -> Member:
    return Member(route, _set(source, L4_SOURCE), _set(source, L7_SOURCE), _set(source, TRUST_DOMAINS))


def _operation(operation: Operation, route: Route) -> Member:
    return Member(route, _set(operation, L4_OPERATION), _set(operation, L7_OPERATION))


def _condition(condition: Condition, route: Route) -> Member:
    known = condition.key in L4_CONDITIONS
    return Member(route, (condition.key,) if known else (), () if known else (condition.key or "when",))


def _set(view: Source | Operation, fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for field, name in fields.items() if getattr(view, field))


def uses_l7(policy: AuthorizationPolicy) -> bool:
    """Whether any rule has a field that only a proxy of HTTP compares."""
    return any(effect.l7 for effect in effects(policy))
