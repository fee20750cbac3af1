"""AP024: L7 policies on Services whose routes rewrite or answer, since a waypoint judges before it routes."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies, reach, ztunnel

MATCHED = {"paths", "notPaths", "hosts", "notHosts"}
WORDS = {
    "rewrite": "{} rewrites requests for {}: at a waypoint this policy sees what callers write, not the rewritten",
    "answer": "{} redirects or answers requests for {} itself: at a waypoint this ALLOW has to admit them first",
}


@rule("AP024", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    fields = {field for each in ztunnel.effects(policy.body) for field in each.l7}
    if not fields:
        return
    for service in _services(policy, mesh):
        for vs in reach.mesh_virtual_services(mesh, service):
            found = _conflict(policy, vs.body, fields)
            if found:
                yield Hit(policy.at("spec", "rules"), WORDS[found].format(vs.ref, service.name), found)


def _services(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Resource[Service]]:
    if policies.targets(policy):
        yield from (each for each in attachment.reached(mesh, policy) if isinstance(each.body, Service))
    else:
        yield from (each for each in policies.scope(mesh, policy).services if policies.can_be_bound(each))


def _conflict(policy: Resource[AuthorizationPolicy], vs: VirtualService, fields: set[str]) -> str | None:
    rewrites = any(each.rewrite and (each.rewrite.uri or each.rewrite.authority) for each in vs.spec.http)
    if rewrites and fields & MATCHED:
        return "rewrite"
    answers = any(each.redirect or each.direct_response for each in vs.spec.http)
    if answers and policy.body.spec.action in {"", "ALLOW"}:
        return "answer"
    return None
