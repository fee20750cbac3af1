"""How rules stand to waypoint and ztunnel: what only HTTP proxies compare, what a waypoint never matches, whom they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Condition, Rule, Source
from ambimigrate.model import Route
from ambimigrate.topology import ztunnel

ADDRESSES = {"ip_blocks": "ipBlocks", "not_ip_blocks": "notIpBlocks"}
IDENTITY = frozenset({"source.principal", "source.namespace", "source.ip", "source.serviceAccount", "source.trustDomain"})


def l7_rules(policy: AuthorizationPolicy) -> tuple[int, ...]:
    """The numbers of the rules that ztunnel cannot carry out as written, since a field of them is about requests."""
    return tuple(each.index for each in ztunnel.effects(policy) if each.l7)


def is_kept(rule: ztunnel.RuleEffect) -> bool:
    """Whether ztunnel lets an ALLOW rule stand."""
    return not rule.dropped and not rule.inert


def check_waypoint(policy: AuthorizationPolicy) -> None:
    """Raises Refused for what a waypoint compares with something else than a sidecar does (conversion.md 5.4)."""
    for i, rule in enumerate(policy.spec.rules or ()):
        base: Route = ("spec", "rules", i)
        for j, each in enumerate(rule.from_):
            _check_source(each.source, (*base, "from", j, "source"))
        for j, condition in enumerate(rule.when):
            _check_condition(condition, (*base, "when", j))


def _check_source(source: Source | None, route: Route) -> None:
    for field, name in ADDRESSES.items():
        if values := getattr(source, field, ()):
            raise _address((*route, name), name, values)


def _address(route: Route, name: str, values: Iterable[str]) -> Refused:
    said = next(iter(values), "")
    effect = "always holds" if name.startswith("not") else "never matches"
    reason = f"{name} {effect} at a waypoint, whose direct peer is no address"
    return Refused("address", route, reason, f"a connection from an address in {said} is judged otherwise behind the waypoint")


def _check_condition(condition: Condition, route: Route) -> None:
    if condition.key == "source.ip":
        raise _address(route, "source.ip", (*condition.values, *condition.not_values))
    if condition.key == "destination.ip":
        raise Refused("address", route, "destination.ip is the pod's address at a sidecar and the Service's at a waypoint")
    if condition.key == "connection.sni" or condition.key.startswith("experimental."):
        raise Refused("connection", route, f"{condition.key} tells of the connection to a sidecar; a waypoint has none like it")


def check_ztunnel(policy: AuthorizationPolicy) -> None:
    """Raises Refused for L4 rules with trustDomains, which ztunnel leaves out without a word (A06, A07)."""
    for effect in ztunnel.effects(policy):
        if effect.trust and not effect.l7:
            field = effect.trust[0].trust[0]
            reason = f"ztunnel leaves out {field}, so the rule would mean other callers; write principals with the domain"
            raise Refused("domains", effect.trust[0].at(field), reason)


# --- whom a rule means ----------------------------------------------------------------------------------------------


def meets(rule: Rule, principal: str) -> bool:
    """Whether the sources and conditions of a rule can mean the caller with this identity (other fields are left aside)."""
    sources = not rule.from_ or any(source_meets(each.source, principal) for each in rule.from_)
    return sources and all(condition_meets(each, principal) for each in rule.when)


def names_callers(rule: Rule) -> bool:
    """Whether a rule asks who the direct caller is, or for a token, which a waypoint takes off (RequestAuthentication)."""
    sources = any(each.source is not None for each in rule.from_)
    return sources or any(each.key in IDENTITY or each.key.startswith("request.auth.") for each in rule.when)


def source_meets(source: Source | None, principal: str) -> bool:
    """Whether a source can mean the identity; addresses and tokens can always fit."""
    if source is None:
        return True
    _, _, namespace, _, account = [*principal.split("/"), "", "", "", ""][:5]
    tests = (
        (source.principals, source.not_principals, (principal,)),
        (source.namespaces, source.not_namespaces, (namespace,)),
        (source.service_accounts, source.not_service_accounts, (f"{namespace}/{account}", account)),
    )
    return all(_any(wanted, texts) and not (unwanted and _any(unwanted, texts)) for wanted, unwanted, texts in tests)


def condition_meets(condition: Condition, principal: str) -> bool:
    """Whether a condition on the caller can hold for the identity."""
    namespace = principal.split("/")[2] if principal.count("/") >= 4 else ""
    texts = {"source.principal": (principal,), "source.namespace": (namespace,)}.get(condition.key)
    if texts is None:
        return True
    return _any(condition.values, texts) and not (condition.not_values and _any(condition.not_values, texts))


def _any(patterns: Iterable[str], texts: tuple[str, ...]) -> bool:
    found = tuple(patterns)
    return not found or any(fits(pattern, text) for pattern in found for text in texts)


def fits(pattern: str, text: str) -> bool:
    """Istio's string match: exact, `pre*`, `*suf`, `*`."""
    if pattern.endswith("*") and not pattern.startswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*") and pattern != "*":
        return text.endswith(pattern[1:])
    return pattern in {"*", text}


def admits(policy: AuthorizationPolicy, principal: str) -> bool:
    """Whether a rule that ztunnel keeps admits the identity on every port."""
    rules = policy.spec.rules or ()
    kept = (rules[each.index] for each in ztunnel.effects(policy) if is_kept(each))
    return any(not each.to and not each.when and meets(each, principal) and not _has_address(each) for each in kept)


def _has_address(rule: Rule) -> bool:
    return any(each.source and each.source.ip_blocks for each in rule.from_)


def surviving(policy: AuthorizationPolicy, own: frozenset[str]) -> Iterator[Rule]:
    """The rules of an ALLOW by which ztunnel still admits somebody beside these identities."""
    rules = policy.spec.rules or ()
    for each in ztunnel.effects(policy):
        if is_kept(each) and not _only(rules[each.index], own):
            yield rules[each.index]


def _only(rule: Rule, own: frozenset[str]) -> bool:
    sources = [each.source for each in rule.from_]
    return bool(sources) and all(each is not None and each.principals and own.issuperset(each.principals) for each in sources)
