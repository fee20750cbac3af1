"""AuthorizationPolicies that Istio's admission refuses, or that name what is not there: they are named, never repaired."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Held
from ambimigrate.converters.outcome import Refused, held
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import meshconfig, policies

INVALID = "AP908"
ACTIONS = frozenset({"", "ALLOW", "DENY", "AUDIT", "CUSTOM"})
_IDENTITIES = {
    "principals": "principals",
    "not_principals": "notPrincipals",
    "namespaces": "namespaces",
    "not_namespaces": "notNamespaces",
    "request_principals": "requestPrincipals",
    "not_request_principals": "notRequestPrincipals",
    "service_accounts": "serviceAccounts",
    "not_service_accounts": "notServiceAccounts",
}


def holding(mesh: Mesh, namespace: str) -> Iterator[Held]:
    """The policies of the namespace that cannot be in a cluster as they stand, or ask an authorizer that is not configured."""
    for policy in mesh.within(AuthorizationPolicy, namespace):
        refused = next(_faults(mesh, policy), None)
        if refused is not None:
            yield held(mesh, policy, INVALID, refused, namespace)


def is_valid(mesh: Mesh, policy: Resource[AuthorizationPolicy]) -> bool:
    """Whether nothing of the kind is wrong with it."""
    return next(_faults(mesh, policy), None) is None


def _faults(mesh: Mesh, policy: Resource[AuthorizationPolicy]) -> Iterator[Refused]:
    """pkg/config/validation/validation.go `validateAuthorizationPolicy`."""
    spec = policy.body.spec
    if spec.action not in ACTIONS:
        yield Refused("refused", ("spec", "action"), f"there is no action {spec.action}")
    if spec.selector is not None and policies.targets(policy):
        yield Refused("refused", ("spec", "selector"), "Istio refuses a policy with both selector and targetRefs")
    if spec.action == "DENY" and not spec.rules:
        yield Refused("refused", ("spec",), "Istio refuses a DENY without rules, since it would do nothing")
    if spec.action == "CUSTOM":
        yield from _custom(mesh, policy)


def _custom(mesh: Mesh, policy: Resource[AuthorizationPolicy]) -> Iterator[Refused]:
    spec = policy.body.spec
    if spec.provider is None or not spec.provider.name:
        yield Refused("refused", ("spec", "provider"), "Istio refuses action CUSTOM without a provider")
    for number, rule in enumerate(spec.rules or ()):
        for route, name in _identities(rule, ("spec", "rules", number)):
            yield Refused("refused", route, f"Istio refuses {name} in a policy of action CUSTOM")
    known = meshconfig.extension_providers(mesh)
    if spec.provider is not None and known is not None and spec.provider.name not in known:
        listed = ", ".join(sorted(known)) or "none"
        reason = f"no extensionProviders entry is called {spec.provider.name} ({listed}), so all that it matches is refused"
        yield Refused("provider", ("spec", "provider", "name"), reason)


def _identities(rule: Rule, base: Route) -> Iterator[tuple[Route, str]]:
    for number, each in enumerate(rule.from_):
        for field, name in _IDENTITIES.items():
            if getattr(each.source, field, ()):
                yield (*base, "from", number, "source", name), name
