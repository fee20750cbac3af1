"""RA002: a policy at a waypoint that asks for token claims which nothing there validates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, policies


@rule("RA002", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    asking = [n for n, each in enumerate(policy.body.spec.rules or ()) if _claims(each)]
    if not asking or not policies.targets(policy):
        return
    starved = [each for each in attachment.reached(mesh, policy) if not _validated(mesh, each)]
    if not starved:
        return
    names = policies.listed(each.name for each in starved)
    for number in asking:
        fields = _claims((policy.body.spec.rules or ())[number])
        yield _hit(policy, number, fields, names)


def _hit(policy: Resource[AuthorizationPolicy], number: int, fields: dict[str, bool], names: str) -> Hit:
    deny = policy.body.spec.action == "DENY"
    positive = any(fields.values())
    said = f"no RequestAuthentication is attached at the waypoint of {names}, so {', '.join(fields)} of rule {number + 1}"
    where = policy.at("spec", "rules", number)
    if deny and positive:
        return Hit(where, f"fails open: {said} never match and nobody is denied", "open")
    if deny:
        return Hit(where, f"{said} hold for every request: all are denied", "closed")
    if positive:
        return Hit(where, f"{said} never match: it admits nobody", "closed")
    return Hit(where, f"fails open: {said} hold for every request", "open")


def _claims(found: Rule) -> dict[str, bool]:
    """The fields of a rule about tokens, and whether each asks that something be there."""
    fields: dict[str, bool] = {}
    for each in found.from_:
        if each.source and each.source.request_principals:
            fields["requestPrincipals"] = True
        if each.source and each.source.not_request_principals:
            fields["notRequestPrincipals"] = False
    for condition in found.when:
        if condition.key.startswith("request.auth."):
            fields[condition.key] = bool(condition.values)
    return fields


def _validated(mesh: Mesh, target: Resource[Any]) -> bool:
    return any(each.body.spec.jwt_rules for each in attachment.attached(mesh, target, RequestAuthentication))
