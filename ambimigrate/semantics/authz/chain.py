"""What the filters of one Envoy chain decide: CUSTOM, then tokens, then DENY and ALLOW; AUDIT marks what passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import JWTRule
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics.authz import rbac, settings
from ambimigrate.semantics.authz.attributes import Scope, View
from ambimigrate.semantics.authz.model import Decision, Verdict
from ambimigrate.semantics.authz.tokens import authenticate
from ambimigrate.versions import Version

DRY_RUN = "istio.io/dry-run"
Policy = Resource[AuthorizationPolicy]


class Chain(Struct, frozen=True):
    """The policies and token rules of one filter chain."""

    policies: tuple[Policy, ...]
    tokens: tuple[JWTRule, ...] = ()


class Enforced(Struct, frozen=True, eq=False):
    """A policy that is enforced, with its rules as the filters of the chain have them."""

    policy: Policy
    name: str
    rules: tuple[rbac.Compiled, ...]


def decide(mesh: Mesh, chain: Chain, view: View, now: float | None = None) -> Decision:
    """The decision of the chain, without the path."""
    enforced = _enforced(chain.policies, settings.trust_domains(mesh), mesh.target.istio, is_http=view.request is not None)
    asked, refused = _external(mesh, enforced.get("CUSTOM", ()), view)
    if refused is not None:
        return _denied(view, 403, refused.name)
    if view.request is not None:
        found = authenticate(chain.tokens, view.request, now)
        if found.status:
            return _denied(view, found.status, "RequestAuthentication")
        view = replace(view, request=found.request, claims=found.claims)
    denying = _first(enforced.get("DENY", ()), view)
    if denying is not None:
        return _denied(view, 403, denying.name)
    allowing = enforced.get("ALLOW", ())
    granted = _first(allowing, view)
    if allowing and granted is None:
        return _denied(view, 403, "no ALLOW policy matches")
    audit = view.request is not None and _first(enforced.get("AUDIT", ()), view) is not None
    because = granted.name if granted else ""
    if asked:
        return Decision(Verdict.ASK, 403 if view.request else 0, (), audit, asked, because)
    return Decision(Verdict.ALLOW, 200, (), audit, (), because)


@lru_cache(maxsize=4096)  # for all meshes: those of the states of a plan share their policies
def _enforced(
    policies: tuple[Policy, ...], domains: tuple[str, ...], version: Version, *, is_http: bool
) -> dict[str, tuple[Enforced, ...]]:
    """The policies by their action."""
    acting = (each for each in policies if not is_dry_run(each))
    return grouped(
        (each.body.spec.action, Enforced(each, str(each.ref), tuple(_rules(each, domains, version, is_http=is_http))))
        for each in acting
    )


def _rules(policy: Policy, domains: tuple[str, ...], version: Version, *, is_http: bool) -> Iterator[rbac.Compiled]:
    spec, scope = policy.body.spec, Scope(policy.namespace, domains, version)
    for rule in spec.rules or ():
        made = rbac.compiled(rule, scope, is_http=is_http, narrow=spec.action == "ALLOW")
        if made is not None:
            yield made


def _external(mesh: Mesh, policies: tuple[Enforced, ...], view: View) -> tuple[tuple[str, ...], Enforced | None]:
    """The external authorizers that are asked, and the policy that denies because there is none to ask.

    Several on a chain deny what they match; one that speaks HTTP only is left out on TCP chains (Istio,
    pilot/pkg/security/authz/builder/builder.go `buildHTTP`, `buildTCP`).
    """
    if not policies:
        return (), None
    names = sorted({_provider(each.policy) for each in policies})
    several = len(names) > 1 and not settings.is_on(mesh, settings.SEVERAL_PROVIDERS)
    asked: list[str] = []
    for name in names:
        matching = _first((each for each in policies if _provider(each.policy) == name), view)
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


def _first(policies: Iterable[Enforced], view: View) -> Enforced | None:
    return next((each for each in policies if any(rbac.matches(rule, view) for rule in each.rules)), None)


def is_dry_run(policy: Policy) -> bool:
    return policy.body.metadata.annotations.get(DRY_RUN, "").lower() in {"1", "t", "true"}


def _denied(view: View, status: int, because: str) -> Decision:
    return Decision(Verdict.DENY, status if view.request is not None else 0, because=because)
