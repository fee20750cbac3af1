"""The copy of a policy that the waypoint carries out: the same rules in terms of Services, aimed at them by targetRefs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import FROM, Change, Create, Note, Stage
from ambimigrate.converters import made, twin_targets
from ambimigrate.converters.policies import answers, classify, ports, rewrites, targets
from ambimigrate.converters.policies.targets import Subject
from ambimigrate.kinds import AuthorizationPolicy, Gateway, Service, VirtualService
from ambimigrate.kinds.security import Rule, Source
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import attachment, policies, waypoints, ztunnel

COPIED = "AP903"
_REFUSING = frozenset({"CUSTOM", "DENY"})
MOST = 16  # targetRefs in one policy (API, security/v1beta1 `targetRefs`)
Rules = tuple[Rule, ...]


def create(mesh: Mesh, subject: Subject) -> Iterator[Change]:
    """The copies, none where the policy says nothing about the Services. Raises Refused."""
    classify.check_waypoint(subject.policy.body)
    if _is_for_class(mesh, subject):
        yield _change(mesh, subject, Aim(subject.policy, 0, [_class_ref()], subject.policy.body.spec.rules))
        return
    number = 0
    for rules, members in _groups(mesh, subject):
        for refs in _refs(mesh, subject, members):
            yield _change(mesh, subject, Aim(_beside(subject, members), number, refs, rules))
            number += 1


def _groups(mesh: Mesh, subject: Subject) -> Iterable[tuple[Rules | None, list[Resource[Service]]]]:
    """The Services that one copy is for, with its rules: as few as say the same in terms of ports."""
    each_alone = _grouped((service, _rules(mesh, subject, service, (service,))) for service in _doors(subject))
    kept = {key: group for key, group in each_alone.items() if group[0] or subject.action == "ALLOW"}
    meant = tuple(service for _, members in kept.values() for service in members)
    if len(kept) > 1 and ports.are_alike(mesh, subject.policy.body.spec.rules or (), meant):
        kept = _grouped((service, _rules(mesh, subject, service, meant)) for service in meant)
    return kept.values()


def _grouped(
    pairs: Iterable[tuple[Resource[Service], Rules | None]],
) -> dict[str, tuple[Rules | None, list[Resource[Service]]]]:
    found: dict[str, tuple[Rules | None, list[Resource[Service]]]] = {}
    for service, rules in pairs:
        found.setdefault(repr(rules), (rules, []))[1].append(service)
    return found


def _doors(subject: Subject) -> tuple[Resource[Service], ...]:
    """The Services by which callers reach the pods."""
    return (*subject.served, *subject.more)


def _rules(mesh: Mesh, subject: Subject, service: Resource[Service], services: ports.Services) -> Rules | None:
    """The rules as the waypoint of the Service has to compare them, with the ports of these Services."""
    written = subject.policy.body.spec.rules
    found: list[Rule] = []
    for number, rule in enumerate(written or ()):
        changed = ports.translated(mesh, rule, number, services)
        if changed is not None:
            changed = rewrites.translated(mesh, changed, number, service)
            found.append(_local(subject, answers.spared(mesh, service, changed) if subject.action in _REFUSING else changed))
    if subject.action == "ALLOW" and (more := answers.admitted(mesh, service)) and Rule() not in found:
        found.append(more)
    return tuple(found) or None


def _local(subject: Subject, rule: Rule) -> Rule:
    """Short names of service accounts are those of the policy's namespace: a copy elsewhere writes them in full."""
    if not subject.is_root:
        return rule
    from_ = tuple(replace(each, source=_full(subject, each.source)) if each.source else each for each in rule.from_)
    return replace(rule, from_=from_)


def _full(subject: Subject, source: Source) -> Source:
    own = subject.policy.namespace
    wanted, unwanted = (
        tuple(each if "/" in each else f"{own}/{each}" for each in names)
        for names in (source.service_accounts, source.not_service_accounts)
    )
    return replace(source, service_accounts=wanted, not_service_accounts=unwanted)


def _refs(mesh: Mesh, subject: Subject, members: list[Resource[Service]]) -> Iterator[list[dict[str, str]]]:
    """Groups of targetRefs: the Gateway where it stands for just this namespace, else the Services."""
    whole = len(members) == len(_doors(subject))
    if whole and subject.form in {policies.NAMESPACE, policies.ROOT} and _is_own(mesh, subject):
        yield [{"group": Gateway.GROUP, "kind": "Gateway", "name": subject.waypoints[0].name}]
        return
    names = sorted(each.name for each in members)
    for start in range(0, len(names), MOST):
        yield [{"group": "", "kind": "Service", "name": each} for each in names[start : start + MOST]]


def _is_own(mesh: Mesh, subject: Subject) -> bool:
    """Whether one waypoint serves all that the policy means and nothing else."""
    if len(subject.waypoints) != 1 or subject.waypoints[0].namespace != subject.namespace or not subject.is_alone:
        return False
    gateway = mesh.find(Gateway, subject.namespace, subject.waypoints[0].name)
    served = attachment.served(mesh, gateway) if gateway else ()
    own = {id(each) for each in subject.served}
    return all(id(each) in own for each in served)


def _is_for_class(mesh: Mesh, subject: Subject) -> bool:
    """Whether one copy for all waypoints says the same: rules that no Service reads in its own way, and no older waypoint."""
    if subject.form != policies.ROOT or not twin_targets.can_name_class(mesh, subject.policy):
        return False
    rules = subject.policy.body.spec.rules or ()
    return not any(map(ports.uses_ports, rules)) and not mesh.index(_changing)


def _changing(mesh: Mesh) -> bool:
    """Whether any route rewrites requests or answers them itself."""
    rules = (each for vs in mesh.of(VirtualService) for each in vs.body.spec.http)
    return any(each.rewrite or each.headers or each.redirect or each.direct_response or each.cors_policy for each in rules)


def _class_ref() -> dict[str, str]:
    return {"group": Gateway.GROUP, "kind": "GatewayClass", "name": waypoints.CLASS}


def _beside(subject: Subject, members: list[Resource[Service]]) -> Resource[Any]:
    return members[0] if subject.is_root else subject.policy


class Aim(Struct, frozen=True):
    """One copy: beside which object it is written, its number, what it targets, and its rules."""

    beside: Resource[Any]
    number: int
    refs: list[dict[str, str]]
    rules: Rules | None


def _change(mesh: Mesh, subject: Subject, aim: Aim) -> Change:
    value = _value(subject, aim, _name(mesh, subject, aim))
    name = made.placed(value, aim.beside)["metadata"]["name"]
    ref = Ref("AuthorizationPolicy", AuthorizationPolicy.GROUP, aim.beside.namespace, name)
    action, sources = Create(ref, value, aim.beside), (subject.policy.at(),)
    notes = tuple(_notes(subject, aim.rules))
    return Change(Stage.policies, subject.namespace, mesh.name, ref, action, None, (COPIED,), sources, notes=notes)


def _notes(subject: Subject, rules: Rules | None) -> Iterator[Note]:
    policy = subject.policy
    left = len(policy.body.spec.rules or ()) - len(rules or ())
    if left > 0:
        yield Note(policy.at("spec", "rules"), "a rule about ports that the Service does not have")
    about = subject.about
    if subject.action == "ALLOW" and about and not subject.is_dry:
        reason = "ztunnel keeps no rule about requests: once the pods are ambient, who calls them past the waypoint is refused"
        yield Note(policy.at("spec", "rules", about[0]), reason, "narrower")
    if subject.action == "AUDIT":
        reason = "requests past the waypoint are marked no longer once the pods are ambient"
        yield Note(policy.at("spec", "action"), reason, "lost")


def _name(mesh: Mesh, subject: Subject, aim: Aim) -> str:
    plain = made.stem(mesh, subject.policy, aim.beside.namespace)
    again = aim.number + 1
    wanted = f"{plain}-waypoint" if again == 1 else f"{plain}-waypoint-{again}"
    while mesh.find(AuthorizationPolicy, aim.beside.namespace, made.renamed(wanted, aim.beside)) is not None:
        again += 1
        wanted = f"{plain}-waypoint-{again}"
    return wanted


def _value(subject: Subject, aim: Aim, name: str) -> dict[str, Any]:
    policy = subject.policy.body
    metadata = made.metadata(name, aim.beside)
    metadata["annotations"][FROM] = targets.mark(subject.policy, aim.beside.namespace)
    if (dry := policy.metadata.annotations.get(ztunnel.DRY_RUN)) is not None:
        metadata["annotations"][ztunnel.DRY_RUN] = dry
    spec: dict[str, Any] = {"targetRefs": aim.refs, "action": subject.action}
    if policy.spec.provider is not None:
        spec["provider"] = {"name": policy.spec.provider.name}
    if aim.rules:
        spec["rules"] = msgspec.json.decode(msgspec.json.encode(aim.rules))
    return {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec}
