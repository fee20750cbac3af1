"""AP008: DENY rules by the caller's identity that ztunnel no longer matches, or matches on the waypoint itself."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ambimigrate.changes import FROM
from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Rule, Source
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import attachment, fronts, policies, ztunnel
from ambimigrate.topology.fronts import Front
from ambimigrate.topology.ztunnel import RuleEffect

_GUARD: dict[str, tuple[str, ...]] = {"not_principals": (), "request_principals": (), "not_request_principals": ()}


@rule("AP008", AuthorizationPolicy)
def check(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Iterator[Hit]:
    scope = policies.scope(mesh, policy)
    if not scope.concerns or policy.body.spec.action != "DENY" or _is_of_network(policy):
        return
    if not ztunnel.is_sent(policy.body, mesh.target.istio):
        return
    behind = tuple(fronts.fronts(mesh, scope.services))
    for effect in ztunnel.effects(policy.body):
        found = (policy.body.spec.rules or ())[effect.index]
        if behind and not effect.inert and fronts.identity(found):
            yield from _hits(policy, mesh, behind, found, effect)


def _is_of_network(policy: Resource[AuthorizationPolicy]) -> bool:
    """Whether convert made it for a NetworkPolicy: then the waypoint has one of its own, by the ports of the Service."""
    return policy.body.metadata.annotations.get(FROM, "").startswith("NetworkPolicy/")


def _hits(
    policy: Resource[AuthorizationPolicy], mesh: Mesh, behind: tuple[Front, ...], found: Rule, effect: RuleEffect
) -> Iterator[Hit]:
    fields = ", ".join(fronts.identity(found))
    where = policy.at("spec", "rules", effect.index)
    hit = [each for each in behind if fronts.meets(found, each, mesh)]
    missed = [
        each for each in behind if each not in hit and not _closes(mesh, each, found) and not _has_twin(mesh, each, found)
    ]
    if hit:
        names = policies.listed(each.service.name for each in hit)
        who = f"{hit[0].namespace}/{hit[0].account}"
        message = f"{fields} of rule {effect.index + 1} cover waypoint {who} itself: all calls through it to {names} are denied"
        yield Hit(where, message, "covers", _names(hit))
    if missed:
        names = policies.listed(each.service.name for each in missed)
        yield Hit(
            where,
            f"fails open: through the waypoint of {names} ztunnel sees the waypoint, not the caller, so {fields} of rule "
            f"{effect.index + 1} match nobody",
            "misses",
            _names(missed),
        )


def _closes(mesh: Mesh, front: Front, found: Rule) -> bool:
    """Whether the rule is there to refuse whoever does not come through the waypoint."""
    sources = [each.source for each in found.from_ if each.source]
    own = set(front.principals(mesh))
    return bool(sources) and all(
        own.intersection(each.not_principals) and replace(each, **_GUARD) == Source() for each in sources
    )


def _names(members: list[Front]) -> tuple[str, ...]:
    return tuple(f"{each.service.namespace}/{each.service.name}" for each in members)


def _has_twin(mesh: Mesh, front: Front, found: Rule) -> bool:
    """Whether the waypoint applies (or will apply) a DENY with the same sources, which there still sees the caller."""
    known = attachment.applied(mesh).get(id(front.service), ()) if front.is_bound else attachment.prepared(mesh, front.service)
    return any(
        other.from_ == found.from_
        for policy in known
        if policy.body.spec.action == "DENY"
        for other in policy.body.spec.rules or ()
    )
