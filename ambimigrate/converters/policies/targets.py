"""What a policy without targetRefs means in one namespace: workloads, the Services in front, whether these stand for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import FROM
from ambimigrate.converters import made
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.policies import classify
from ambimigrate.converters.serving import Plan, Waypoint, can_be_bound
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.converters.subsets import versioned
from ambimigrate.kinds import AuthorizationPolicy, Gateway, Service
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import attachment, gatewaypods, injection, meshconfig, policies, waypoints, ztunnel
from ambimigrate.topology.workloads import Workload, behind, selected, services_of

Policy = Resource[AuthorizationPolicy]


class Subject(Struct, frozen=True, eq=False):
    """A policy in one namespace: its pods there, the Services in front of them that a waypoint serves, and the rest."""

    policy: Policy
    namespace: str
    form: str
    members: tuple[Workload, ...]
    served: tuple[Resource[Service], ...]
    bare: tuple[Resource[Service], ...]  # in front, but without a waypoint: headless ones, and ones that need none
    waypoints: tuple[Waypoint, ...]
    has_twin: bool
    more: tuple[Resource[Service], ...]  # the versioned Services of those, there or to come
    about: tuple[int, ...]  # the numbers of the rules that are about requests
    is_alone: bool  # whether those waypoints serve no Services but these

    @property
    def is_root(self) -> bool:
        """Whether the policy lies in the root namespace, hence must not change for one namespace alone."""
        return self.policy.namespace != self.namespace

    @property
    def action(self) -> str:
        return self.policy.body.spec.action or "ALLOW"

    @property
    def is_l7(self) -> bool:
        """Whether only an HTTP proxy carries the policy out."""
        return self.action in {"CUSTOM", "AUDIT"} or bool(self.about)

    @property
    def is_dry(self) -> bool:
        """Whether the policy only reports what it would do."""
        return ztunnel.is_dry_run(self.policy.body)


def needs(mesh: Mesh, namespace: str) -> frozenset[str]:
    """The Services of the namespace that need a waypoint for their AuthorizationPolicies, as scan says."""
    if injection.mode(mesh, namespace) == injection.AMBIENT:
        return frozenset()
    found = (each for each in subjects(mesh, namespace, Plan({}), DEFAULT) if each.is_l7 and not each.is_dry)
    return frozenset(service.name for each in found for service in each.bare if can_be_bound(service))


def subjects(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> tuple[Subject, ...]:
    """The policies that mean workloads of the namespace, its own before those of the root namespace."""
    own = (each for each in mesh.within(AuthorizationPolicy, namespace) if policies.form(mesh, each) != policies.TARGETS)
    root = mesh.index(_root_policies).get(namespace, ())
    aims = Aim(namespace, plan, settings)
    return tuple(_subject(mesh, each, aims) for each in (*own, *root) if _concerns(mesh, each, namespace))


def _concerns(mesh: Mesh, policy: Policy, namespace: str) -> bool:
    scope = policies.scope(mesh, policy)
    if made.is_ours(policy):
        return False
    return scope.concerns and (policy.namespace == namespace or not scope.workloads or bool(_members(mesh, policy, namespace)))


def _root_policies(mesh: Mesh) -> Mapping[str, tuple[Policy, ...]]:
    """The policies of the root namespace by the namespaces whose workloads or Services they mean."""
    found: list[tuple[str, Policy]] = []
    for policy in mesh.within(AuthorizationPolicy, meshconfig.root_namespace(mesh)):
        scope = policies.scope(mesh, policy)
        if scope.form != policies.TARGETS:
            named = {each.namespace for each in scope.workloads} | {each.namespace for each in scope.services}
            found += [(name, policy) for name in sorted(named - {policy.namespace})]
    return grouped(found)


def _members(mesh: Mesh, policy: Policy, namespace: str) -> tuple[Workload, ...]:
    if policy.namespace == namespace:
        return policies.scope(mesh, policy).workloads
    known = mesh.index(_members_by_namespace)
    if id(policy) not in known:
        known[id(policy)] = grouped((each.namespace, each) for each in policies.scope(mesh, policy).workloads)
    return known[id(policy)].get(namespace, ())


def _members_by_namespace(_mesh: Mesh) -> dict[int, Mapping[str, tuple[Workload, ...]]]:
    return {}


class Aim(Struct, frozen=True):
    """The namespace, which waypoints serve it, and what was agreed to."""

    namespace: str
    plan: Plan
    settings: Settings


def _subject(mesh: Mesh, policy: Policy, aim: Aim) -> Subject:
    namespace, plan = aim.namespace, aim.plan
    members = _members(mesh, policy, namespace)
    if members:
        front = {id(each): each for one in members for each in services_of(mesh, one)}.values()
    else:
        front = {id(each): each for each in policies.scope(mesh, policy).services if each.namespace == namespace}.values()
    served = tuple(each for each in front if (namespace, each.name) in plan.by_service and can_be_bound(each))
    bare = tuple(each for each in front if each not in served and not subsets.is_versioned(each))
    found = tuple(dict.fromkeys(plan.by_service[namespace, each.name] for each in served))
    shape = policies.form(mesh, policy)
    has_twin = _has_twin(mesh, policy, namespace)
    more = tuple(_versioned(mesh, served, aim.settings))
    own = {each.name for each in (*served, *more)}
    alone = all(name in own for (place, name), each in plan.by_service.items() if place == namespace and each in found)
    return Subject(
        policy, namespace, shape, members, served, bare, found, has_twin, more, classify.l7_rules(policy.body), alone
    )


def _versioned(mesh: Mesh, served: tuple[Resource[Service], ...], settings: Settings) -> Iterator[Resource[Service]]:
    """The versioned Services, there or to come, by which callers reach the same pods (A24)."""
    for service in served:
        for name in versioned.names(mesh, service, settings):
            yield mesh.find(Service, service.namespace, name) or replace(service, ref=service.ref._replace(name=name))


def mark(policy: Policy, namespace: str) -> str:
    """What the annotation of copies in the namespace says they were made from."""
    name = made.written_name(policy)
    own = policy.namespace == namespace
    return f"{policy.kind}/{name}" if own else f"{policy.kind}/{policy.namespace}/{policy.name}"


def _has_twin(mesh: Mesh, policy: Policy, namespace: str) -> bool:
    if not mesh.index(_twins):
        return False
    places = {namespace: mark(policy, namespace), policy.namespace: mark(policy, policy.namespace)}
    return any(text in mesh.index(_twins).get(place, ()) for place, text in places.items())


def _twins(mesh: Mesh) -> Mapping[str, frozenset[str]]:
    """By namespace what the copies for waypoints that we made there were made from."""
    found = grouped(
        (each.namespace, each.body.metadata.annotations[FROM])
        for each in mesh.of(AuthorizationPolicy)
        if made.is_ours(each) and policies.targets(each)
    )
    return {name: frozenset(texts) for name, texts in found.items()}


def check_whole(mesh: Mesh, subject: Subject) -> None:
    """Raises Refused where a served Service also leads to pods that the policy does not mean (conversion.md 5.5.1, A23)."""
    route = policies.selector_route(subject.policy)
    if subject.is_l7 and not subject.served and not subject.members and policies.selector(subject.policy):
        words = policies.scope(mesh, subject.policy).words
        raise Refused(
            "nothing", route, f"its selector matches nothing that was read ({words}), so it is not known whom it means"
        )
    if subject.is_l7 and not subject.served:
        raise Refused("none", route, f"no Service with an address leads to {_named(subject)}, so no waypoint can judge for it")
    for service, rest in _partly(mesh, subject):
        port = next((each.port for each in service.body.spec.ports), 80)
        raise Refused(
            "selector",
            route,
            f"Service {service.name} also leads to {policies.listed(map(str, rest))}, and a waypoint judges Services, not pods",
            f"a request to {service.name}:{port} that {rest[0]} answers: {subject.policy.name} does not judge it today",
        )


def check_union(mesh: Mesh, subject: Subject) -> None:
    """Raises Refused where another ALLOW waits at the waypoint, which sidecars never read: there either of them admits."""
    if subject.action != "ALLOW" or subject.is_dry:
        return
    for service in subject.served:
        for other in attachment.prepared(mesh, service):
            spec = other.body.spec
            foreign = spec.action in {"", "ALLOW"} and not made.is_ours(other) and not ztunnel.is_dry_run(other.body)
            if foreign and spec.rules and spec.rules != subject.policy.body.spec.rules:
                raise Refused(
                    "union",
                    ("spec",),
                    f"{other.ref} is an ALLOW for the waypoint of {service.name}: there it would admit more callers",
                    f"a request to {service.name} that {other.name} admits and {subject.policy.name} does not: refused today",
                )


def check_proxies(mesh: Mesh, subject: Subject) -> None:
    """Raises Refused where the policy also holds for pods that keep their proxy: these go on reading it as it stands."""
    known = gatewaypods.members(mesh)
    labels = policies.selector(subject.policy)
    kept = next((each for each in selected(mesh, subject.namespace, labels) if id(each) in known), None)
    gateways = (each for each in mesh.within(Gateway, subject.namespace) if not waypoints.is_waypoint(each.body))
    made_of = None if labels else next(gateways, None)
    if kept is not None or made_of is not None:
        words = str(kept) if kept is not None else f"Gateway {made_of.name if made_of else ''}"
        reason = f"it also holds for {words}, which keeps its proxy, so it cannot change for pods of ztunnel alone"
        raise Refused("proxies", policies.selector_route(subject.policy), reason)


def _partly(mesh: Mesh, subject: Subject) -> Iterator[tuple[Resource[Service], list[Workload]]]:
    own = {id(each) for each in subject.members}
    for service in subject.served if own else ():
        rest = [each for each in behind(mesh, service) if id(each) not in own]
        if rest:
            yield service, rest


def _named(subject: Subject) -> str:
    return policies.listed(map(str, subject.members)) if subject.members else "the pods that it selects"
