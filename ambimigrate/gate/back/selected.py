"""AP801: an AuthorizationPolicy about pods of a migrated namespace that ztunnel does not carry out as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, State, content, gained, meant
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import policies, ztunnel

Policy = Resource[AuthorizationPolicy]
Effect = tuple[str, Route, str, Any]  # case, where, sentence, what it is known by


def check(pair: Pair) -> Iterator[Found]:
    yield from gained(pair, _states)


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for policy in mesh.of(AuthorizationPolicy):
        if policies.targets(policy) or not meant(mesh, policy, spaces):
            continue
        spec = policy.body.spec
        for case, route, message, part in _effects(mesh, policy):
            key = (policy.namespace, case, *content(policies.selector(policy), spec.action, spec.provider, part))
            yield key, Found(policy, route, message, case)


def _effects(mesh: Mesh, policy: Policy) -> Iterator[Effect]:
    spec = policy.body.spec
    words = policies.scope(mesh, policy).words
    if ztunnel.is_dry_run(policy.body) and not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    if spec.action == "CUSTOM":
        provider = spec.provider.name if spec.provider else "its provider"
        yield (
            "custom",
            ("spec", "action"),
            f"fails open: ztunnel asks no authorizer, so {provider} never judges {words}",
            spec.rules,
        )
    elif spec.action == "AUDIT":
        yield "audit", ("spec", "action"), f"ztunnel does not know AUDIT: nothing of {words} is marked", spec.rules
    else:
        for effect in ztunnel.effects(policy.body):
            rule = (spec.rules or ())[effect.index]
            said = _of_allow(effect, words) if spec.action != "DENY" else _of_deny(effect, words)
            if said is not None and not (said[0] == "broader" and ztunnel.is_closing(rule)):
                yield said[0], effect.first, said[1], rule


def _of_allow(effect: ztunnel.RuleEffect, words: str) -> tuple[str, str] | None:
    number = effect.index + 1
    if effect.dropped:
        return "allow", f"ztunnel removes rule {number} ({_fields(effect)}): whom only it admits is denied at {words}"
    if effect.trust:
        return (
            "trust",
            f"fails open: ztunnel leaves trustDomains out of rule {number} and admits callers of all of them at {words}",
        )
    return None


def _of_deny(effect: ztunnel.RuleEffect, words: str) -> tuple[str, str] | None:
    number = effect.index + 1
    if effect.inert:
        fields = _fields(effect) or "nothing that ztunnel knows"
        return "deny", f"fails open: rule {number} asks for {fields}, so ztunnel denies nothing of it at {words}"
    if effect.lost:
        return (
            "alternative",
            f"fails open: ztunnel passes over the alternatives of rule {number} with {_fields(effect)} at {words}",
        )
    if effect.broader:
        return (
            "broader",
            f"ztunnel leaves {_fields(effect)} out of rule {number}, which then denies more than it says at {words}",
        )
    return None


def _fields(effect: ztunnel.RuleEffect) -> str:
    trust = (field for member in effect.trust for field in member.trust)
    return policies.listed((*effect.l7, *trust))
