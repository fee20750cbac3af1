"""What the filters of one Envoy chain decide: CUSTOM, then tokens, then DENY and ALLOW; AUDIT marks what passes."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import JWTRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.authz import rbac, settings
from ambimigrate.semantics.authz.attributes import Scope, View
from ambimigrate.semantics.authz.model import Decision, Verdict
from ambimigrate.semantics.authz.tokens import authenticate

DRY_RUN = "istio.io/dry-run"
Policy = Resource[AuthorizationPolicy]


class Chain(Struct, frozen=True):
    """The policies and token rules of one filter chain."""

    policies: tuple[Policy, ...]
    tokens: tuple[JWTRule, ...] = ()


def decide(mesh: Mesh, chain: Chain, view: View, now: float | None = None) -> Decision:
    """The decision of the chain, without the path."""
    enforced = tuple(each for each in chain.policies if not is_dry_run(each))
    asked, refused = _external(mesh, _acting(enforced, "CUSTOM"), view)
    if refused is not None:
        return _denied(view, 403, _name(refused))
    if view.request is not None:
        found = authenticate(chain.tokens, view.request, now)
        if found.status:
            return _denied(view, found.status, "RequestAuthentication")
        view = replace(view, request=found.request, claims=found.claims)
    denying = _first(mesh, _acting(enforced, "DENY"), view)
    if denying is not None:
        return _denied(view, 403, _name(denying))
    allowing = _acting(enforced, "ALLOW")
    granted = _first(mesh, allowing, view)
    if allowing and granted is None:
        return _denied(view, 403, "no ALLOW policy matches")
    audit = view.request is not None and _first(mesh, _acting(enforced, "AUDIT"), view) is not None
    because = _name(granted) if granted else ""
    if asked:
        return Decision(Verdict.ASK, 403 if view.request else 0, (), audit, asked, because)
    return Decision(Verdict.ALLOW, 200, (), audit, (), because)


def _external(mesh: Mesh, policies: tuple[Policy, ...], view: View) -> tuple[tuple[str, ...], Policy | None]:
    """The external authorizers that are asked, and the policy that denies because there is none to ask.

    Several on a chain deny what they match; one that speaks HTTP only is left out on TCP chains (Istio,
    pilot/pkg/security/authz/builder/builder.go `buildHTTP`, `buildTCP`).
    """
    names = sorted({_provider(each) for each in policies})
    several = len(names) > 1 and not settings.is_on(mesh, settings.SEVERAL_PROVIDERS)
    asked: list[str] = []
    for name in names:
        matching = _first(mesh, (each for each in policies if _provider(each) == name), view)
        if matching is None:
            continue
        provider = settings.provider(mesh, name)
        if several or not provider.exists:
            return (), matching
        if view.request is not None or provider.speaks_tcp:
            asked.append(name)
    return tuple(asked), None


def _provider(policy: Policy) -> str:
    return policy.body.spec.provider.name if policy.body.spec.provider else ""


def _first(mesh: Mesh, policies: Iterable[Policy], view: View) -> Policy | None:
    return next((each for each in policies if _matches(mesh, each, view)), None)


def _matches(mesh: Mesh, policy: Policy, view: View) -> bool:
    scope = Scope(policy.namespace, settings.trust_domains(mesh), mesh.target.istio)
    narrow = policy.body.spec.action == "ALLOW"
    return any(rbac.matches(rule, view, scope, narrow=narrow) for rule in policy.body.spec.rules or ())


def _acting(policies: Iterable[Policy], action: str) -> tuple[Policy, ...]:
    return tuple(each for each in policies if each.body.spec.action == action)


def is_dry_run(policy: Policy) -> bool:
    return policy.body.metadata.annotations.get(DRY_RUN, "").lower() in {"1", "t", "true"}


def _denied(view: View, status: int, because: str) -> Decision:
    return Decision(Verdict.DENY, status if view.request is not None else 0, because=because)


def _name(policy: Policy) -> str:
    return str(policy.ref)
