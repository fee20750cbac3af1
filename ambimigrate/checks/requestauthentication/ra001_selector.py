"""RA001: a RequestAuthentication without targetRefs, which nothing in ambient mode reads."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import RequestAuthentication
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import policies, twins


@rule("RA001", RequestAuthentication)
def check(request: Resource[RequestAuthentication], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, request)
    rules = request.body.spec.jwt_rules
    if not scope.concerns or not rules or twins.is_settled(mesh, request):
        return
    issuers = policies.listed(each.issuer for each in rules if each.issuer) or "its issuers"
    headers = [each.header for found in rules for each in found.output_claim_to_headers]
    headers += [each.output_payload_to_header for each in rules if each.output_payload_to_header]
    lost = f", and {policies.listed(headers)} can be forged by callers" if headers else ""
    yield Hit(
        request.at(*policies.selector_route(request)),
        f"fails open: ztunnel checks no tokens and waypoints ignore it, so JWTs of {issuers} are not validated for "
        f"{scope.words}{lost}",
        services=policies.needing(twins.untwinned(mesh, request)),
    )
