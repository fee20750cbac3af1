"""AP005: CUSTOM and AUDIT without targetRefs, which ztunnel never receives."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.authorization import copies
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies


@rule("AP005", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    spec = policy.body.spec
    scope = policies.scope(mesh, policy)
    if not scope.concerns or spec.action not in {"CUSTOM", "AUDIT"}:
        return
    lacking = copies.lacking(mesh, policy, scope.services)
    if scope.services and not lacking:
        return
    if spec.action == "AUDIT":
        message = f"AUDIT is never sent to ztunnel: nothing is marked for the audit log at {scope.words}"
        yield Hit(policy.at("spec", "action"), message, "audit", policies.needing(lacking))
        return
    provider = spec.provider.name if spec.provider else "of no name"
    yield Hit(
        policy.at("spec", "action"),
        f"fails open: CUSTOM is never sent to ztunnel, so provider {provider} is not asked about requests to {scope.words}",
        "custom",
        policies.needing(lacking),
    )
