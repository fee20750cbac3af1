"""AP011: principals whose trust domain ztunnel does not expand."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import meshconfig, policies, ztunnel

SHORTHAND = "cluster.local"  # sidecars read it as the mesh's own trust domain, ztunnel does not (istio/ztunnel#1260)


@rule("AP011", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    own = meshconfig.trust_domain(mesh)
    if own is None or not scope.concerns or not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    aliases = {alias for each in meshconfig.settings(mesh, "trustDomainAliases") for alias in _strings(each.value)}
    deny = policy.body.spec.action == "DENY"
    for route, principal in principals(policy.body):
        domain = principal.partition("/ns/")[0]
        if principal.startswith("spiffe://") or "*" in domain or "/ns/" not in principal or domain == own:
            continue
        kind = "alias" if domain in aliases else "foreign" if domain != SHORTHAND else "cluster.local"
        negated = "not" in str(route[-2])
        opens = deny is not negated and kind != "foreign"
        yield Hit(policy.at(*route), _message(principal, own, kind, opens=opens, words=scope.words), _case(kind, opens=opens))


def _case(kind: str, *, opens: bool) -> str:
    if kind == "foreign":
        return "foreign"
    return "open" if opens else "closed"


def _message(principal: str, own: str, kind: str, *, opens: bool, words: str) -> str:
    if kind == "foreign":
        return (
            f"ztunnel of trust domain {own} refuses callers like {principal} in the handshake, so they no longer reach {words}"
        )
    what = "the alias" if kind == "alias" else "cluster.local"
    end = (
        f"fails open: {principal} is not matched at {words}" if opens else f"callers meant by {principal} are denied at {words}"
    )
    said = f"ztunnel compares principals literally and does not take {what} for trust domain {own}"
    return f"{end}, since {said}" if opens else f"{said}: {end}"


def principals(policy: AuthorizationPolicy) -> Iterator[tuple[Route, str]]:
    """Every principal that a policy writes, with its route."""
    for holder, values in _written(policy):
        yield from (((*holder, n), value) for n, value in enumerate(values))


def _written(policy: AuthorizationPolicy) -> Iterator[tuple[Route, tuple[str, ...]]]:
    for i, found in enumerate(policy.spec.rules or ()):
        for j, each in enumerate(found.from_):
            if each.source:
                base: Route = ("spec", "rules", i, "from", j, "source")
                yield (*base, "principals"), each.source.principals
                yield (*base, "notPrincipals"), each.source.not_principals
        for j, condition in enumerate(found.when):
            if condition.key == "source.principal":
                yield ("spec", "rules", i, "when", j, "values"), condition.values
                yield ("spec", "rules", i, "when", j, "notValues"), condition.not_values


def _strings(value: object) -> Iterator[str]:
    return (each for each in value if isinstance(each, str)) if isinstance(value, list) else iter(())
