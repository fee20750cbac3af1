"""What becomes of DestinationRules: subsets that nobody names any more go, policies of some callers are held or moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ambimigrate.changes import FROM, Change, Create, Delete, Edit, Held, Stage
from ambimigrate.converters import made, mutual_tls
from ambimigrate.converters.outcome import Account, Outcome, Refused, held, written
from ambimigrate.converters.routing import ends, routes
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.subsets import defined as subsets
from ambimigrate.converters.subsets import versioned
from ambimigrate.kinds import DestinationRule, Service, VirtualService
from ambimigrate.kinds.traffic import TrafficPolicy
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.topology import hosts, ingress, injection, meshconfig, reach
from ambimigrate.topology.virtualservices import is_of_mesh

CALLERS, RETIRED, MOVED = "DR901", "DR903", "DR904"

Named = tuple[str, str, str]  # namespace and name of a Service, subset
Rule = Resource[DestinationRule]


# --- subsets --------------------------------------------------------------------------------------------------------


class _Unused(Struct, frozen=True):
    """The subsets that converted routes replace, by the place of the DestinationRule that defines them."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> Mapping[int, set[int]]:
        found: dict[int, set[int]] = {}
        own = [vs for vs in mesh.of(VirtualService) if is_of_mesh(vs.body) and vs.body.spec.hosts]
        for defined in (each for vs in own for each in versioned.used(mesh, vs, self.settings)):
            found.setdefault(id(defined.rule), set()).add(defined.number)
        return found


def retired(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The end of the subsets that have Services of their own, in the DestinationRules of the namespace."""
    unused = mesh.index(_Unused(settings))
    own = [(rule, unused[id(rule)]) for rule in mesh.within(DestinationRule, namespace) if id(rule) in unused]
    leaving = mesh.index(_Leaving(settings)) if own else frozenset()
    found = []
    for rule, numbers in own:
        still = _still_named(mesh, rule, leaving)
        gone = {number for number in numbers if rule.body.spec.subsets[number].name not in still}
        if gone:
            edits = _edits(mesh, rule, gone)
            found.append(Change(Stage.retire, namespace, mesh.name, rule.ref, edits, rule, (RETIRED,), (rule.at(),)))
    return Outcome(tuple(found))


class _Leaving(Struct, frozen=True):
    """The VirtualServices that a conversion of the whole mesh deletes."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> frozenset[Ref]:
        return frozenset(each for name in injection.namespaces(mesh) for each in _leaving(mesh, name, self.settings))


def _leaving(mesh: Mesh, namespace: str, settings: Settings) -> Iterator[Ref]:
    """The VirtualServices of the namespace that a conversion deletes."""
    own = [vs for vs in mesh.within(VirtualService, namespace) if vs.body.spec.hosts and is_of_mesh(vs.body)]
    made_of = [routes.convert(vs, mesh, settings) for vs in own] + ([ends.retired(mesh, namespace, settings)] if own else [])
    yield from (each.ref for outcome in made_of for each in outcome.changes if _deletes(each))


def _deletes(change: Change) -> bool:
    return change.action is None and change.ref.kind == "VirtualService"


def _still_named(mesh: Mesh, rule: Rule, leaving: frozenset[Ref]) -> set[str]:
    """The subsets of the rule's host that VirtualServices name which stay, those of gateways among them."""
    host, known = hosts.full_name(rule.body.spec.host, rule.namespace), mesh.index(_naming)
    named = [host] if not host.startswith("*") else [each for each in known if hosts.covers(host, each)]
    return {subset for each in named for subset, vs in known.get(each, ()) if vs not in leaving}


def _naming(mesh: Mesh) -> Mapping[str, tuple[tuple[str, Ref], ...]]:
    """The subsets that VirtualServices name, with these, by host."""
    return grouped(
        (hosts.full_name(each.host, vs.namespace), (each.subset, vs.ref))
        for vs in mesh.of(VirtualService)
        for each in versioned.destinations(vs.body)
        if each.subset
    )


def _edits(mesh: Mesh, rule: Rule, gone: set[int]) -> tuple[Edit, ...] | None:
    """Without subsets and policy the rule goes, unless it keeps one for more hosts away."""
    spec = rule.body.spec
    if len(gone) < len(spec.subsets):
        return tuple(Delete(("spec", "subsets", number)) for number in sorted(gone, reverse=True))
    if (spec.traffic_policy and not mutual_tls.is_all(mesh, rule)) or _shadows(mesh, rule):
        return (Delete(("spec", "subsets")),)
    return None


def _shadows(mesh: Mesh, rule: Rule) -> bool:
    host = hosts.full_name(rule.body.spec.host, rule.namespace)
    others = mesh.within(DestinationRule, *dict.fromkeys((rule.namespace, meshconfig.root_namespace(mesh))))
    return any(each is not rule and hosts.covers(hosts.full_name(each.body.spec.host, each.namespace), host) for each in others)


def settled(meshes: Iterable[Mesh], free: Iterable[Change]) -> tuple[Change, ...]:
    """The changes without the end of a subset that a VirtualService names which stays, since its namespace is held."""
    every = tuple(free)
    by_name = {mesh.name: mesh for mesh in meshes}
    leaving = {name: frozenset(each.ref for each in every if each.mesh == name and _deletes(each)) for name in by_name}
    found = []
    for change in every:
        if RETIRED in change.because and change.subject is not None:
            still = _still_named(by_name[change.mesh], change.subject, leaving[change.mesh])
            if still & set(_ending(change)):
                continue
        found.append(change)
    return tuple(found)


def _ending(change: Change) -> Iterator[str]:
    rule: DestinationRule = change.subject.body if change.subject else DestinationRule()
    numbers = {each.route[2] for each in change.action or () if isinstance(each, Delete) and len(each.route) > 2}  # type: ignore[union-attr]
    yield from (each.name for i, each in enumerate(rule.spec.subsets) if not numbers or i in numbers)


# --- policies of some callers ---------------------------------------------------------------------------------------


def of_callers(mesh: Mesh, namespace: str, settings: Settings) -> Outcome:
    """The DestinationRules by which callers of the namespace reach Services of others: held, or moved to the Service."""
    is_followed = injection.mode(mesh, namespace) != injection.AMBIENT
    changes: list[Change] = []
    refusals: list[Held] = []
    for rule in mesh.within(DestinationRule, namespace) if namespace not in {"", meshconfig.root_namespace(mesh)} else ():
        target = next((each for each in _targets(mesh, rule) if each.namespace != namespace), None)
        if target is None or not matters(rule.body):
            continue
        if _copy(mesh, rule, target):
            changes.append(_end(mesh, rule))
            continue
        try:
            changes += _moved(mesh, rule, target, settings) if is_followed else ()  # ztunnel does not follow it
        except Refused as refused:
            refusals.append(held(mesh, rule, CALLERS, refused))
    return Outcome(tuple(changes), tuple(refusals))


def _targets(mesh: Mesh, rule: Rule) -> Iterator[Resource[Service]]:
    found = hosts.services(mesh, rule.body.spec.host, rule.namespace, rule.file)
    yield from (each for each in found if injection.is_meshed(mesh, each.namespace) and not ingress.is_gateway(mesh, each))


def matters(rule: DestinationRule) -> bool:
    """Whether it says more than which TLS sidecars speak, which HBONE replaces."""
    policies = [each for each in (rule.spec.traffic_policy, *(one.traffic_policy for one in rule.spec.subsets)) if each]
    return bool(rule.spec.subsets) or any(_says(each) for each in policies)


def _says(policy: TrafficPolicy) -> bool:
    others = (policy.load_balancer, policy.connection_pool, policy.outlier_detection, policy.tunnel, policy.proxy_protocol)
    ports = any(each.load_balancer or each.connection_pool or each.outlier_detection for each in policy.port_level_settings)
    is_plain = policy.tls is None or policy.tls.mode in {"ISTIO_MUTUAL", "DISABLE"}
    return any(others) or ports or policy.retry_budget is not None or not is_plain


def _moved(mesh: Mesh, rule: Rule, service: Resource[Service], settings: Settings) -> Iterator[Change]:
    """The rule beside the Service, where it holds for all callers, and its end. Raises Refused."""
    account = Account()
    reason = (
        f"callers in {rule.namespace} follow it to {service.name} in {service.namespace}; a waypoint does not read it there"
    )
    witness = f"a call from {rule.namespace} to {hosts.host_of(service)}: without this policy"
    refused = Refused("callers", ("spec",), reason, witness)
    rivals = [each for each in subsets.consumers(mesh, service) if each is not rule]
    is_plain = not (rule.body.spec.subsets or subsets.selects(rule) or rule.body.spec.host.startswith("*"))
    if subsets.counting(mesh, service) or rivals or not is_plain:
        raise refused
    account.agree(settings, MOVED, rule, refused)
    value = _value(rule, service)
    ref = Ref("DestinationRule", DestinationRule.GROUP, service.namespace, made.placed(value, service)["metadata"]["name"])
    if mesh.find(DestinationRule, ref.namespace, ref.name, service.file) is not None:
        raise refused
    create, at = Create(ref, value, service), (rule.at(),)
    agreed = account.differences[0].witness
    yield Change(Stage.bind, ref.namespace, mesh.name, ref, create, None, (MOVED,), at, "differs", None, agreed)
    yield _end(mesh, rule)


def _end(mesh: Mesh, rule: Rule) -> Change:
    return Change(Stage.retire, rule.namespace, mesh.name, rule.ref, None, rule, (MOVED,), (rule.at(),))


def _copy(mesh: Mesh, rule: Rule, service: Resource[Service]) -> bool:
    """Whether the rule was moved to the Service before."""
    own = mesh.within(DestinationRule, service.namespace)
    return any(each.body.metadata.annotations.get(FROM) == _from(rule) for each in own)


def needs(mesh: Mesh, namespace: str, settings: Settings) -> Iterator[str]:
    """The Services of the namespace that get the policy of callers: a waypoint has to carry it out."""
    for rule, service in mesh.index(_Moving(settings)).get(namespace, ()) if settings.accepted else ():
        if rule.namespace != namespace:
            yield service.name


class _Moving(Struct, frozen=True):
    """The DestinationRules of callers that are to move, with each Service that they are for, by its namespace."""

    settings: Settings

    def __call__(self, mesh: Mesh) -> Mapping[str, tuple[tuple[Rule, Resource[Service]], ...]]:
        agreed = (rule for rule in mesh.of(DestinationRule) if self.settings.accepts(MOVED, rule))
        return grouped((each.namespace, (rule, each)) for rule in agreed for each in _targets(mesh, rule))


def _from(rule: Rule) -> str:
    return f"DestinationRule/{rule.namespace}/{rule.name}"


def _value(rule: Rule, service: Resource[Service]) -> dict[str, object]:
    spec = {key: each for key, each in written(rule).get("spec", {}).items() if key != "exportTo"}
    metadata = made.metadata(f"{made.written_name(service)}-{rule.namespace}", service)
    metadata["annotations"] |= {FROM: _from(rule)}
    spec["host"] = hosts.host_of(service)
    return {"apiVersion": f"{DestinationRule.GROUP}/v1", "kind": "DestinationRule", "metadata": metadata, "spec": spec}


def of_some(mesh: Mesh, services: Iterable[Resource[Service]]) -> Iterator[Held]:
    """The DestinationRules of Services behind a waypoint that only some callers follow today."""
    rules = {id(rule): rule for each in services for rule in subsets.counting(mesh, each) if matters(rule.body)}
    for rule in rules.values():
        spec = rule.body.spec
        if subsets.selects(rule):
            reason = "only callers with certain labels follow it today; a waypoint does not read it"
            yield held(mesh, rule, CALLERS, Refused("selecting", ("spec", "workloadSelector"), reason))
        elif not reach.is_exported(mesh, spec.export_to, rule.namespace, "*", subsets.EXPORT):
            reason = "callers of some namespaces do not see it today; behind a waypoint it holds for all callers"
            yield held(mesh, rule, CALLERS, Refused("export", ("spec", "exportTo"), reason))
