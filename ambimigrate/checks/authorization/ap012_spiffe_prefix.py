"""AP012: principals written as `spiffe://` URIs, which match nobody."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.authorization.ap011_trust_domain import principals
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection, policies

PREFIX = "spiffe://"


@rule("AP012", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    if not policies.scope(mesh, policy).concerns and not policies.targets(policy):
        return
    if not policies.is_root(mesh, policy) and not injection.is_meshed(mesh, policy.namespace):
        return
    for route, principal in principals(policy.body):
        if principal.startswith(PREFIX):
            opens = policy.body.spec.action == "DENY" and "not" not in str(route[-2])
            effect = "fails open: it denies nobody" if opens else "it never applies to the callers that it means"
            message = f"{effect}, since principals are compared without the prefix {PREFIX}: {principal}"
            yield Hit(policy.at(*route), message, "open" if opens else "default")
