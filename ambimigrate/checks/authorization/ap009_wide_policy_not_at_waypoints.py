"""AP009: namespace-wide and root policies that no waypoint applies."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Source
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, fronts, policies, ztunnel


@rule("AP009", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    shape = policies.form(mesh, policy)
    if not scope.concerns or ztunnel.is_dry_run(policy.body):
        return
    if shape not in {policies.NAMESPACE, policies.ROOT} and not policies.is_root(mesh, policy):
        return
    action = policy.body.spec.action or "ALLOW"
    if policy.body.spec.rules and not any(_says_who_or_what(each) for each in policy.body.spec.rules):
        return
    behind = [each for each in fronts.fronts(mesh, scope.services) if each.is_bound and not _closes(policy, each, mesh)]
    bare = [each for each in behind if not _has_twin(mesh, each, action)]
    if bare:
        names = policies.listed(policies.named(each.service) for each in bare)
        case = "allow" if action == "ALLOW" else "root" if policies.is_root(mesh, policy) else "namespace"
        open_ = "" if case == "allow" else "fails open: "
        message = f"{open_}waypoints do not apply it, so requests through the waypoint of {names} are judged without it"
        yield Hit(policy.at("spec"), message, case)


def _closes(policy: Resource[AuthorizationPolicy], front: fronts.Front, mesh: Mesh) -> bool:
    """Whether all that it does is to refuse who comes past the waypoint: there is nothing in it for that to apply."""
    rules = policy.body.spec.rules or ()
    sources = [each.source or Source() for rule in rules for each in rule.from_]
    names = {*front.principals(mesh)}
    plain = all(each in {_but(each), replace(_but(each), request_principals=(ztunnel.NOBODY,))} for each in sources)
    whole = all(rule.from_ and not rule.when for rule in rules)
    own = all(not names.isdisjoint(each.not_principals) for each in sources)
    return policy.body.spec.action == "DENY" and bool(sources) and plain and whole and own


def _but(source: Source) -> Source:
    return Source(not_principals=source.not_principals)


def _says_who_or_what(found: object) -> bool:
    return any(getattr(found, part) for part in ("from_", "to", "when"))


def _has_twin(mesh: Mesh, front: fronts.Front, action: str) -> bool:
    applied = attachment.applied(mesh).get(id(front.service), ())
    return any((each.body.spec.action or "ALLOW") == action for each in applied)
