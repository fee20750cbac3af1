"""Egress waypoints among NetworkPolicies: callers get to them, they get out, and nobody gets out who could not before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Stage
from ambimigrate.converters import egress, made, outgoing, through
from ambimigrate.converters.networks import entries, identities, waypoints
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.cni import Seen
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.serving import Waypoint
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.through_legs import Leg
from ambimigrate.kinds import AuthorizationPolicy, LabelSelector, NetworkPolicy, ServiceEntry
from ambimigrate.kinds.core import NetworkPolicyEgressRule
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import egress as outside
from ambimigrate.topology import networks
from ambimigrate.topology.networks import Pods
from ambimigrate.topology.workloads import Workload, in_namespace


class Exit(Struct, frozen=True, eq=False):
    """A way to a ServiceEntry that gets an egress waypoint: its ports, those outside, and the legs of a chain, if any."""

    waypoint: Waypoint
    entry: Resource[ServiceEntry]
    called: frozenset[int]
    ports: frozenset[int]
    legs: tuple[Leg, ...]
    callers: tuple[str, ...]  # the namespaces that see it; none for all

    def is_seen(self, namespace: str) -> bool:
        return not self.callers or namespace in self.callers


class _Exits(Struct, frozen=True):
    settings: Settings

    def __call__(self, mesh: Mesh) -> tuple[Exit, ...]:
        return tuple(
            _exit(mesh, waypoint, each, way)
            for waypoint, members in egress.planned(mesh, self.settings)
            for each in members
            for way in outgoing.ways(mesh, each)
        )


def exits(mesh: Mesh, settings: Settings) -> tuple[Exit, ...]:
    """The ways to all entries that get an egress waypoint."""
    return mesh.index(_Exits(settings))


def _exit(mesh: Mesh, waypoint: Waypoint, entry: Resource[ServiceEntry], way: outgoing.Way) -> Exit:
    legs = through.legs(mesh, entry) if way.is_through else ()
    onward = frozenset(each.onward.port.number for each in legs if each.onward.port)
    return Exit(waypoint, entry, way.ports, _ports(entry, way.ports | onward), legs, way.callers)


def _ports(entry: Resource[ServiceEntry], called: frozenset[int]) -> frozenset[int]:
    """The ports at the far side: of endpoints as they say, else the target port, else the port itself."""
    spec = entry.body.spec
    own = [each for each in spec.ports if each.number in called]
    plain = {each.name: each.target_port or each.number for each in own}
    said = {each.ports.get(name, port) for each in spec.endpoints for name, port in plain.items()}
    return frozenset(said or plain.values())


def wanted(mesh: Mesh, policy: Policy, settings: Settings) -> Iterator[Waypoint]:
    """The egress waypoints to which the policy has to let out, since it lets out today."""
    for each in exits(mesh, settings):
        if each.is_seen(policy.namespace) and _leaves(mesh, (policy,), each):
            yield each.waypoint


def _leaves(mesh: Mesh, bound: Iterable[Policy], way: Exit) -> bool | None:
    """Whether the policies let out to where calls go today: to the gateway, else outside; None if that is not known."""
    if not way.legs:
        return outside.lets_out(bound, way.ports)
    found = {_to_gateway(mesh, policy, rule, leg) for policy in bound for rule in policy.body.spec.egress for leg in way.legs}
    return True if True in found else None if None in found else False


def _to_gateway(mesh: Mesh, policy: Policy, rule: NetworkPolicyEgressRule, leg: Leg) -> bool | None:
    """Whether the rule is for pods of the gateway; of addresses it is not known whose they are."""
    if not all(networks.admits(rule.ports, port) for port in leg.ports):
        return False
    if not rule.to or any(map(entries.is_everywhere, rule.to)):
        return True
    named = tuple(each for each in rule.to if each.ip_block is None)
    if named and any(networks.is_peer(mesh, named, waypoints.pods_behind(each), policy.namespace) for each in leg.pods):
        return True
    return None if any(each.ip_block and entries.is_private(each.ip_block.cidr) for each in rule.to) else False


# --- nobody gets out who could not ----------------------------------------------------------------------------------


def kept_from(seen: Seen, namespace: str, settings: Settings) -> Iterator[Change]:
    """The policies that keep pods from an entry of the namespace, at its waypoint, whose own policies do not let them out.

    Whoever gets to a waypoint gets to all its entries. Raises Blocked.
    """
    every = exits(seen.mesh, settings)
    own = [each for each in every if each.entry.namespace == namespace]
    for each in own:
        _check_gateways(seen.mesh, each)
    for bound, callers in seen.mesh.index(entries.restricted) if own else ():
        for ways in grouped((each.entry.ref, each) for each in own).values():
            near = [one for one in every if one.waypoint == ways[0].waypoint]
            shown = [each for each in ways if each.is_seen(bound[0].namespace)]
            if not shown or not _gets_there(seen, bound, callers[0], near):
                continue
            if shut := [each for each in shown if not _today(seen, bound, callers[0], each)]:
                yield from _kept(seen.mesh, bound, callers, shut, is_whole=len(shut) == len(ways))


def _check_gateways(mesh: Mesh, way: Exit) -> None:
    """Raises Blocked where a policy decides who gets to the gateway of a chain, which nothing decides at the waypoint."""
    for leg, pods in ((one, pods) for one in way.legs for pods in one.pods):
        found = entries.entering(mesh, waypoints.pods_behind(pods))
        if found is None or any(identities.is_everybody(each.peers) and _opens(each, leg) for each in found):
            continue
        policy = next(networks.policies_on(mesh, waypoints.pods_behind(pods), "Ingress"))
        reason = f"it decides who gets to {leg.host}, and a waypoint admits everybody who sees {way.entry.body.spec.hosts[0]}"
        raise Blocked(policy, Refused("outside", ("spec", "ingress"), reason))


def _opens(entry: entries.Entry, leg: Leg) -> bool:
    return entry.ports is None or leg.ports <= entry.ports


def _gets_there(seen: Seen, bound: tuple[Policy, ...], caller: Workload, exits: list[Exit]) -> bool:
    """Whether the policies let out to the waypoint, or will since they let out to one of its entries. Raises Blocked."""
    mesh, pods = seen.mesh, waypoints.pods_of(seen.mesh, exits[0].waypoint)
    if any(_reaches(mesh, policy, rule, pods) for policy in bound for rule in policy.body.spec.egress):
        return True
    return any(_today(seen, bound, caller, each) for each in exits if each.is_seen(caller.namespace))


def _today(seen: Seen, bound: tuple[Policy, ...], caller: Workload, way: Exit) -> bool:
    """Whether the policies let out to the entry. Raises Blocked if that is not known."""
    foreign = any(not isinstance(seen.origin(each).body, NetworkPolicy) for each in bound)
    found = None if foreign and not way.legs else _leaves(seen.mesh, bound, way)
    if found is None:
        reason = (
            f"whether it lets {caller.name} out to {way.entry.body.spec.hosts[0]} is not known, so not whether to its waypoint"
        )
        raise Blocked(bound[0], Refused("outside", ("spec", "egress"), reason))
    return found


def _reaches(mesh: Mesh, policy: Policy, rule: NetworkPolicyEgressRule, pods: Pods) -> bool:
    into = networks.admits(rule.ports) or entries.opens(mesh, policy, rule)
    return into and networks.is_peer(mesh, rule.to, pods, policy.namespace)


def _kept(
    mesh: Mesh, bound: tuple[Policy, ...], callers: tuple[Workload, ...], shut: list[Exit], *, is_whole: bool
) -> Iterator[Change]:
    source = _source(mesh, bound, callers)
    if source is None:
        return
    entry, rule = shut[0].entry, {"from": [{"source": source}]}
    if not is_whole:
        rule |= {
            "to": [{"operation": {"ports": [str(port) for port in sorted(port for each in shut for port in each.called)]}}]
        }
    name = f"{made.written_name(entry)}-not-from-{entries.joined(bound, entry.namespace)}"
    target = {"group": ServiceEntry.GROUP, "kind": "ServiceEntry", "name": entry.name}
    value: dict[str, Any] = {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy"}
    value |= {"metadata": made.metadata(name, entry), "spec": {"targetRefs": [target], "action": "DENY", "rules": [rule]}}
    yield from waypoints.create(mesh, value, entry, bound[0], Stage.policies)


def _source(mesh: Mesh, bound: tuple[Policy, ...], callers: tuple[Workload, ...]) -> dict[str, Any] | None:
    """The callers: their whole namespace, pods that were not seen among them, where all of it stands under these policies."""
    selectors = (each.body.spec.pod_selector for each in bound)
    space = callers[0].namespace
    known = {id(each) for each in callers}
    if any(each == LabelSelector() for each in selectors) and all(id(each) in known for each in in_namespace(mesh, space)):
        return {"namespaces": [space]}
    try:
        sources = identities.accounts(mesh, callers, ("spec", "podSelector"))
    except Refused as refused:
        raise Blocked(bound[0], refused) from refused
    return {"principals": list(sources)} if sources else None
