"""What guards a Service at its waypoint and a workload at ztunnel, and what only a waypoint can judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.gate.back.compare import content
from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service
from ambimigrate.kinds.security import Rule
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import attachment, policies, reach, waypoints, ztunnel
from ambimigrate.topology.workloads import Workload

SECURITY: tuple[type[Any], ...] = (AuthorizationPolicy, RequestAuthentication)
Policy = Resource[AuthorizationPolicy]


def is_served(mesh: Mesh, target: Resource[Any]) -> bool:
    """Whether a waypoint stands in front of a Service or ServiceEntry; headless Services never have one."""
    has_address = not isinstance(target.body, Service) or policies.can_be_bound(target)
    return has_address and waypoints.is_bound(mesh, target)


def at_waypoint(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The policies that a waypoint carries out for a Service or ServiceEntry, those in dry run aside; asked for often."""
    known = mesh.index(_at_waypoints)
    if id(target) not in known:
        found = (each for kind in SECURITY for each in attachment.attached(mesh, target, kind) if holds(each))
        known[id(target)] = tuple(found) if is_served(mesh, target) else ()
    return known[id(target)]


def _at_waypoints(_mesh: Mesh) -> dict[int, tuple[Resource[Any], ...]]:
    return {}


def holds(policy: Resource[Any]) -> bool:
    """Whether a policy keeps anything out: not in dry run, not for auditing, with rules that can match."""
    if isinstance(policy.body, RequestAuthentication):
        return bool(policy.body.spec.jwt_rules)
    spec = policy.body.spec
    if ztunnel.is_dry_run(policy.body) or spec.action == "AUDIT":
        return False
    return bool(spec.rules) if spec.action in {"DENY", "CUSTOM"} else not admits_all(policy)


def admits_all(policy: Policy) -> bool:
    """Whether an ALLOW admits everybody, whatever other ALLOWs say."""
    return policy.body.spec.action in {"", "ALLOW"} and any(is_for_all(rule) for rule in policy.body.spec.rules or ())


def is_for_all(rule: Rule) -> bool:
    return rule == Rule()


def judging(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[Any], ...]:
    """Those of its policies that only a waypoint can carry out."""
    return tuple(each for each in at_waypoint(mesh, target) if is_l7(each))


def is_l7(policy: Resource[Any]) -> bool:
    if isinstance(policy.body, RequestAuthentication):
        return True
    return policy.body.spec.action == "CUSTOM" or ztunnel.uses_l7(policy.body)


def routed(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The routes by which its waypoint sends requests on."""
    return (*reach.mesh_routes(mesh, target), *reach.mesh_virtual_services(mesh, target))


def parts(found: Iterable[Resource[Any]]) -> frozenset[tuple[bytes, ...]]:
    """What policies say, rule by rule, so that it is known again under another name."""
    return frozenset(part for each in found for part in _parts(each))


def _parts(policy: Resource[Any]) -> Iterator[tuple[bytes, ...]]:
    spec = policy.body.spec
    if isinstance(policy.body, RequestAuthentication):
        yield from (content("token", rule) for rule in spec.jwt_rules)
    else:
        yield from (content(spec.action, spec.provider, rule) for rule in spec.rules or ())
        if not spec.rules:
            yield content(spec.action, "nothing")


# --- at ztunnel -----------------------------------------------------------------------------------------------------


def guards(mesh: Mesh) -> Mapping[int, tuple[Policy, ...]]:
    """The policies that close the direct way to a workload at ztunnel, by the identity of the workload.

    An ALLOW refuses whom it does not name; a closing rule of a DENY refuses whom it does not except.
    """
    return mesh.index(_guards)


def _guards(mesh: Mesh) -> Mapping[int, tuple[Policy, ...]]:
    found: list[tuple[int, Policy]] = []
    open_: set[int] = set()
    for policy in mesh.of(AuthorizationPolicy):
        if policies.targets(policy) or not ztunnel.is_sent(policy.body, mesh.target.istio):
            continue
        members = [id(each) for each in policies.scope(mesh, policy).workloads]
        if admits_all(policy):
            open_.update(members)
        elif policy.body.spec.action != "DENY" or any(refuses_others(rule) for rule in policy.body.spec.rules or ()):
            found += [(each, policy) for each in members]
    is_deny = (pair for pair in found if pair[1].body.spec.action == "DENY" or pair[0] not in open_)
    return grouped(is_deny)


def refuses_others(rule: Rule) -> bool:
    """Whether a rule of a DENY refuses everybody but those whom it names."""
    sources = [each.source for each in rule.from_ if each.source]
    return bool(sources) and all(each.not_principals for each in sources) and not rule.when


def is_shut(mesh: Mesh, workload: Workload, principals: frozenset[str]) -> bool:
    """Whether ztunnel refuses callers past the waypoint: at every port, or by an ALLOW that names waypoints alone."""
    found = guards(mesh).get(id(workload), ())
    denies = (rule for each in found if each.body.spec.action == "DENY" for rule in each.body.spec.rules or ())
    if any(refuses_others(rule) and not rule.to for rule in denies):
        return True
    allows = [each for each in found if each.body.spec.action != "DENY"]
    return bool(allows) and all(_names_only(each, principals) for each in allows)


def _names_only(policy: Policy, principals: frozenset[str]) -> bool:
    effects = ztunnel.effects(policy.body)
    kept = [
        rule for rule, effect in zip(policy.body.spec.rules or (), effects, strict=True) if not (effect.dropped or effect.inert)
    ]
    sources = [[each.source for each in rule.from_ if each.source] for rule in kept]
    return all(found and all(each.principals and principals.issuperset(each.principals) for each in found) for found in sources)
