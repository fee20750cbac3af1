"""AP006: policies in dry run, which old releases of ztunnel enforce and new ones do not see."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, ztunnel


@rule("AP006", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or not ztunnel.is_dry_run(policy.body):
        return
    action = policy.body.spec.action or "ALLOW"
    where = policy.at("metadata", "annotations", ztunnel.DRY_RUN)
    if ztunnel.is_sent(policy.body, mesh.target.istio):
        istio = mesh.target.istio
        yield Hit(where, f"ztunnel {istio} enforces this {action} although it is in dry run, at {scope.words}", "enforced")
    elif action in {"ALLOW", "DENY"}:
        yield Hit(where, f"ztunnel does not receive it: what it would do is no longer shown for {scope.words}", "silent")
