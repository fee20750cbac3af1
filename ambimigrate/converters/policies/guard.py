"""Closing the direct way to pods whose policies only the waypoint can carry out: ztunnel refuses all but the waypoint.

ztunnel drops the L7 field of a DENY source and keeps the rest (conversion.md 5.3), so until no sidecar is left the rule
asks for a token that nobody has: sidecars pass it over, ztunnel carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Delete
from ambimigrate.converters.outcome import Account, Difference, Refused
from ambimigrate.converters.policies import classify, direct, openings, trust
from ambimigrate.converters.policies.closing import Closing, Reading, closings
from ambimigrate.converters.policies.openings import Opening
from ambimigrate.converters.policies.targets import Policy, Subject
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.kinds.security import Operation, Rule, RuleTo, Source
from ambimigrate.model import Mesh, Route, grouped
from ambimigrate.topology import meshconfig, policies, protocols, ztunnel
from ambimigrate.topology.workloads import Workload, target_port

CLOSED, PAST = "AP905", "AP906"


class Guard(Struct, frozen=True):
    """What closes the direct way: the identities of waypoints, and whom else it refuses at which ports."""

    principals: tuple[str, ...]
    closings: tuple[Closing, ...]

    def opened(self, opening: Opening) -> Guard:
        """The guard with what stays open."""
        parts = (part for each in self.closings for part in each.opened(opening.ports, opening.named))
        return Guard(self.principals, tuple(dict.fromkeys(parts)))

    def rules(self, *, early: bool) -> list[dict[str, Any]]:
        """The rules of a DENY; `early` while pods with sidecars are left."""
        return [each.rule(self.principals, early=early) for each in self.closings]


def needed(mesh: Mesh, subject: Subject, own: tuple[str, ...], settings: Settings) -> bool:
    """Whether ztunnel would let somebody pass whom only the waypoint can judge.

    Not where an ALLOW holds for every pod and ztunnel keeps no rule of any but the waypoint's, nor is to get one.
    """
    if subject.action == "AUDIT" or ztunnel.is_dry_run(subject.policy.body):
        return False
    if subject.action == "ALLOW" or (subject.action == "DENY" and not subject.about):
        return False
    names = frozenset(own)
    return not subject.members or any(
        _is_open(mesh, each, names) or _will_open(mesh, each, settings) for each in subject.members
    )


def _will_open(mesh: Mesh, workload: Workload, settings: Settings) -> bool:
    """Whether an ALLOW of the workload may get an opening."""
    return bool(settings.accepted) and any(openings.may_open(each, settings) for each in allowing(mesh, workload))


def _is_open(mesh: Mesh, workload: Workload, own: frozenset[str]) -> bool:
    known = mesh.index(_opened)
    key = id(workload), own
    if key not in known:
        allows = allowing(mesh, workload)
        known[key] = not allows or any(_survives(mesh, each, own) for each in allows)
    return known[key]


def _opened(_mesh: Mesh) -> dict[tuple[int, frozenset[str]], bool]:
    return {}


def _survives(mesh: Mesh, policy: Policy, own: frozenset[str]) -> bool:
    known = mesh.index(_survivors)
    key = id(policy), own
    if key not in known:
        known[key] = next(classify.surviving(policy.body, own), None) is not None
    return known[key]


def _survivors(_mesh: Mesh) -> dict[tuple[int, frozenset[str]], bool]:
    return {}


def allowing(mesh: Mesh, workload: Workload) -> tuple[Policy, ...]:
    """The ALLOW policies that ztunnel is sent for a workload."""
    wide = mesh.index(_wide)
    places = (workload.namespace, meshconfig.root_namespace(mesh))
    found = [each for place in dict.fromkeys(places) for each in wide.get(place, ())]
    return (*found, *mesh.index(_selecting).get(id(workload), ()))


def _sent_allows(mesh: Mesh) -> Iterator[Policy]:
    """Not those in dry run: where ztunnel carries them out, they go before anybody depends on it."""
    for each in mesh.of(AuthorizationPolicy):
        sent = ztunnel.is_sent(each.body, mesh.target.istio) and not ztunnel.is_dry_run(each.body)
        if each.body.spec.action in {"", "ALLOW"} and sent:
            yield each


def _wide(mesh: Mesh) -> Mapping[str, tuple[Policy, ...]]:
    return grouped((each.namespace, each) for each in _sent_allows(mesh) if not policies.selector(each))


def _selecting(mesh: Mesh) -> Mapping[int, tuple[Policy, ...]]:
    return grouped(
        (id(one), each)
        for each in _sent_allows(mesh)
        if policies.selector(each)
        for one in policies.scope(mesh, each).workloads
    )


def built(mesh: Mesh, subject: Subject, own: tuple[str, ...]) -> Guard | None:
    """The guard for the pods of a policy; ports of other protocols stay open where the policy never held for them.

    An authorizer is asked about connections, too, so that CUSTOM leaves none open (Istio, pilot/pkg/security/authz/model,
    model.go `Generate`).
    """
    rules = subject.policy.body.spec.rules or ()
    covered = rules if subject.action == "DENY" else ()
    open_ones = (each for each in other_ports(subject) if not any(_covers(rule, each) for rule in covered))
    ports = () if subject.action == "CUSTOM" else tuple(open_ones)
    known = {*placed(subject.policy.body, own)}
    about = [rules[each] for each in subject.about if each not in known] if subject.action == "DENY" else rules
    domain = trust.domain(mesh)
    reading = Reading(subject.policy.namespace, mesh.target.istio, domain.name)
    found = closings(about, reading, ports)
    return Guard(own, found) if found else None


def other_ports(subject: Subject) -> tuple[str, ...]:
    """The ports of the pods to which Services lead with another protocol than HTTP."""
    ports = (port for service in subject.served for port in service.body.spec.ports if not protocols.carries_http(port))
    found = {target_port(port, workload) for port in ports for workload in subject.members}
    return tuple(str(each) for each in sorted(each for each in found if each is not None))


def _covers(rule: Rule, port: str) -> bool:
    """Whether an HTTP rule of a DENY refuses the whole port where it carries no HTTP (conversion.md 5.1)."""
    operations = [each.operation or Operation() for each in rule.to]
    said = not operations or any((not each.ports or port in each.ports) and port not in each.not_ports for each in operations)
    return said and all(not each.values or port in each.values for each in rule.when if each.key == "destination.port")


# --- agreement ------------------------------------------------------------------------------------------------------


def agree(subject: Subject, past: tuple[direct.Direct, ...], settings: Settings, account: Account) -> None:
    """Goes on if it was agreed to that nobody else comes past the waypoint, else raises Refused; listed is who is seen to."""
    names = policies.listed(each.words for each in past) if past else "nobody is seen, but not all callers are"
    what = policies.listed(map(str, subject.members)) if subject.members else "its pods"
    refused = Refused(
        "default",
        _first(subject),
        f"only a waypoint can carry it out, so ztunnel will refuse whoever calls {what} past it: {names}{_meanwhile(subject)}",
        f"a connection to a pod of {_one(subject)} by its address: judged by {subject.policy.name} today, then refused",
    )
    if settings.close_direct_access:
        account.differences.append(Difference(CLOSED, refused.route, refused.reason, refused.witness))
    else:
        account.agree(settings, CLOSED, subject.policy, refused)


def _meanwhile(subject: Subject) -> str:
    """What sidecars do with the closing rule where they see no requests: they refuse all.

    Istio, pilot/pkg/security/authz/model: fields about HTTP are left out of a DENY for TCP.
    """
    ports = {port.port for each in subject.served for port in each.body.spec.ports if not protocols.carries_http(port)}
    if subject.action != "CUSTOM" or not ports:
        return ""
    return (
        f"; from `swap` until its pods are ambient, connections to {policies.listed(map(str, sorted(ports)))} are refused, too"
    )


def _first(subject: Subject) -> Route:
    if subject.action == "CUSTOM":
        return ("spec", "action")
    return next((each.first for each in ztunnel.effects(subject.policy.body) if each.l7), ("spec",))


def _one(subject: Subject) -> str:
    return subject.members[0].name if subject.members else subject.policy.name


def late(policy: AuthorizationPolicy, own: tuple[str, ...]) -> tuple[Delete, ...]:
    """The edits by which closing rules hold for everybody, once no sidecar is left; none if they do."""
    rules = policy.spec.rules or ()
    return tuple(Delete(token(each)) for each in placed(policy, own) if ztunnel.is_closing(rules[each]))


def token(rule: int) -> Route:
    """Where a closing rule asks for the token that nobody has."""
    return ("spec", "rules", rule, "from", 0, "source", "requestPrincipals")


# --- closing rules that are there -----------------------------------------------------------------------------------


def placed(policy: AuthorizationPolicy, own: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers of the closing rules in a DENY: ours, or one that refuses all but the waypoints."""
    rules = enumerate(policy.spec.rules or ())
    return tuple(number for number, rule in rules if _is_guard(rule, set(own)))


def _is_guard(rule: Rule, own: set[str]) -> bool:
    source = rule.from_[0].source if len(rule.from_) == 1 else None
    if source is None or not own <= set(source.not_principals):
        return False
    plain = not rule.when and not any(each.operation != Operation(not_ports=_not_ports(each)) for each in rule.to)
    return ztunnel.is_closing(rule) or (plain and source == Source(not_principals=source.not_principals))


def _not_ports(to: RuleTo) -> tuple[str, ...]:
    return to.operation.not_ports if to.operation else ()
