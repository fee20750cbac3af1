"""What the filters of one Envoy chain decide: CUSTOM, then tokens, then DENY and ALLOW; AUDIT marks what passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import repeat

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


class Acting(Struct, frozen=True, eq=False):
    """The policies that are enforced, by their action."""

    custom: tuple[Enforced, ...]
    deny: tuple[Enforced, ...]
    allow: tuple[Enforced, ...]
    audit: tuple[Enforced, ...]


def decide(mesh: Mesh, chain: Chain, view: View, now: float | None = None) -> Decision:
    """The decision of the chain, without the path."""
    acting = _acting(chain.policies, settings.trust_domains(mesh), mesh.target.istio, is_http=view.request is not None)
    asked, refused = _external(mesh, acting.custom, view)
    if refused is not None:
        return _denied(view, 403, refused.name)
    if view.request is not None and chain.tokens:
        token = authenticate(chain.tokens, view.request, now)
        if token.status:
            return _denied(view, token.status, "RequestAuthentication")
        found = _judged(acting, replace(view, request=token.request, claims=token.claims))
    else:
        found = _known(acting, view)
    if asked and found.verdict is Verdict.ALLOW:
        return replace(found, verdict=Verdict.ASK, status=403 if view.request else 0, providers=asked)
    return found


def _judged(acting: Acting, view: View) -> Decision:
    """What DENY and ALLOW decide."""
    denying = _first(acting.deny, view)
    if denying is not None:
        return _denied(view, 403, denying.name)
    granted = _first(acting.allow, view)
    if acting.allow and granted is None:
        return _denied(view, 403, "no ALLOW policy matches")
    audit = view.request is not None and _first(acting.audit, view) is not None
    return Decision(Verdict.ALLOW, 200, (), audit, (), granted.name if granted else "")


_known = lru_cache(maxsize=16_384)(_judged)  # for all meshes: the states of a plan share their policies; claims have no hash


@lru_cache(maxsize=4096)
def _acting(policies: tuple[Policy, ...], domains: tuple[str, ...], version: Version, *, is_http: bool) -> Acting:
    enforced = (each for each in policies if not is_dry_run(each))
    found = grouped(
        (each.body.spec.action, Enforced(each, str(each.ref), tuple(_rules(each, domains, version, is_http=is_http))))
        for each in enforced
    )
    return Acting(*(found.get(action, ()) for action in ("CUSTOM", "DENY", "ALLOW", "AUDIT")))


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
    return next((each for each in policies if any(map(rbac.matches, each.rules, repeat(view)))), None)


def is_dry_run(policy: Policy) -> bool:
    return policy.body.metadata.annotations.get(DRY_RUN, "").lower() in {"1", "t", "true"}


def _denied(view: View, status: int, because: str) -> Decision:
    return Decision(Verdict.DENY, status if view.request is not None else 0, because=because)
