"""Where pods may call: rules by port also let out to the tunnel, and ztunnel at the callee tells the ports apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Edit, Set
from ambimigrate.converters.networks import closing, entries, identities, leaving, waypoints
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.entries import Policy, Ports
from ambimigrate.converters.networks.incoming import Found, added, is_unseen
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.serving import Plan, Waypoint
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds.core import NetworkPolicyEgressRule
from ambimigrate.model import Mesh
from ambimigrate.topology import injection, networks
from ambimigrate.topology.captured import captured
from ambimigrate.topology.networks import Pods
from ambimigrate.topology.workloads import Workload, container_ports, in_namespace, workloads

Bound = tuple[Policy, ...]


class Reach(Struct, frozen=True, eq=False):
    """Callers under the same policies, and the ports of each callee that these let them reach."""

    callers: tuple[Workload, ...]
    policies: Bound
    callees: tuple[tuple[Pods, Ports], ...]


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings, closed: frozenset[int]) -> Found:
    """The rules of the namespace's policies for outgoing traffic; `closed` are workloads that tell their ports apart."""
    policies = [each for each in networks.within(mesh, namespace) if networks.restricts(each.body, "Egress")]
    callers = tuple(_callers(mesh, namespace, settings)) if policies else ()
    blocked: list[Blocked] = []
    made_: list[Change] = []
    shut: set[int] = set()
    for each in policies:
        try:
            _check(mesh, each, callers)
        except Refused as refused:
            blocked.append(Blocked(each, refused))
            shut.add(id(each))
    for bound in _groups(mesh, callers):
        if not shut.isdisjoint(map(id, bound)):
            shut |= {id(each) for each in bound}
            continue
        try:
            made_ += _closed(mesh, _reach(mesh, bound, callers), closed)
        except Blocked as reason:
            blocked.append(reason)
            shut |= {id(each) for each in bound}
    free = [each for each in policies if id(each) not in shut and any(_binds(each, one) for one in callers)]
    edits = [(each, edit) for each in free for edit in (*_edits(mesh, each), *_to_waypoints(mesh, each, plan, settings))]
    return Found(tuple(edits), tuple(made_), tuple(blocked))


def _callers(mesh: Mesh, namespace: str, settings: Settings) -> Iterator[Workload]:
    """The pods that will speak HBONE: those that join, and gateways."""
    yield from (each.workload for each in entries.joining(mesh, namespace, settings) if each.workload)
    yield from (each for each in in_namespace(mesh, namespace) if injection.is_gateway(each))


def _binds(policy: Policy, workload: Workload) -> bool:
    return networks.selects(policy.body.spec.pod_selector, workload.labels)


def _pods(workload: Workload) -> Pods:
    return Pods(workload.namespace, str(workload), workload.labels, workload)


def _groups(mesh: Mesh, callers: Iterable[Workload]) -> list[Bound]:
    """The sets of policies under which callers stand."""
    return list({tuple(map(id, found)): found for each in callers if (found := entries.leaving(mesh, _pods(each)))}.values())


def _reach(mesh: Mesh, bound: Bound, callers: Iterable[Workload]) -> Reach:
    own = tuple(each for each in callers if entries.leaving(mesh, _pods(each)) == bound)
    found: dict[int, Pods] = {}
    for policy, rule in ((one, each) for one in bound for each in one.body.spec.egress):
        if entries.opens(mesh, policy, rule) or networks.admits(rule.ports):
            found |= {id(each): each for each in networks.peers_of(mesh, rule.to, policy.namespace)}
    callees = [each for each in found.values() if each.workload is not None]
    return Reach(own, bound, tuple((each, entries.outgoing(mesh, bound, each)) for each in callees))


def _edits(mesh: Mesh, policy: Policy) -> Iterator[Edit]:
    for i, rule in enumerate(policy.body.spec.egress):
        if entries.opens(mesh, policy, rule):
            yield added(policy, ("spec", "egress", i, "ports"), len(rule.ports))


def _check(mesh: Mesh, policy: Policy, callers: tuple[Workload, ...]) -> None:
    """Raises Refused where the callees or callers cannot be known by name."""
    if is_unseen(mesh, policy) and any(entries.opens(mesh, policy, each) for each in policy.body.spec.egress):
        raise Refused(
            "pods", ("spec", "podSelector"), "the pods that it selects are not in the input, so ztunnel cannot name them"
        )
    if not any(_binds(policy, each) for each in callers):
        return
    for i, rule in enumerate(policy.body.spec.egress):
        route = ("spec", "egress", i, "to")
        by_port = networks.tcp(rule.ports) and not networks.admits(rule.ports)
        if by_port and _is_by_address(rule) and (found := _declaring(mesh, rule, any_port=entries.opens(mesh, policy, rule))):
            reason = f"it lets out by port to addresses, maybe to those of {found}: 15008 would open all ports there"
            raise Refused("anywhere", route, reason, f"a call to another port of {found}, through the tunnel")
        if entries.opens(mesh, policy, rule) and not any(True for _ in networks.peers_of(mesh, rule.to, policy.namespace)):
            raise Refused("unseen", route, "the pods to which it lets out are not in the input, so their ports stay open to it")


def _is_by_address(rule: NetworkPolicyEgressRule) -> bool:
    return not rule.to or any(each.ip_block is not None and entries.is_private(each.ip_block.cidr) for each in rule.to)


def _declaring(mesh: Mesh, rule: NetworkPolicyEgressRule, *, any_port: bool) -> str:
    """A workload of the mesh that declares one of the rule's ports (named ports are those of anybody), or any at all.

    A rule for pods as well gets 15008, with which every port at its addresses would be open.
    """
    wanted = [each for each in networks.tcp(rule.ports) if each.port not in networks.APART]
    for each in workloads(mesh):
        found = entries.numbers(tuple(wanted), _pods(each)) or frozenset[int]()
        if captured(mesh, each) and (any_port or found & container_ports(each)):
            return f"{each.namespace}/{each.name}"
    return ""


# --- closing ---------------------------------------------------------------------------------------------------------


def _closed(mesh: Mesh, reach: Reach, closed: frozenset[int]) -> Iterator[Change]:
    """The policies at the callees by which the callers reach no more ports than today. Raises Blocked."""
    by_space: dict[str, list[tuple[Pods, Ports]]] = defaultdict(list)
    for pods, ports in reach.callees:
        by_space[pods.namespace].append((pods, ports))
    for members in by_space.values():
        left = [each for each in members if not _is_narrower(mesh, *each, closed)]
        if not left:
            continue
        _check_addresses(reach.policies)
        policy = reach.policies[0]
        sources = _principals(mesh, policy, reach)
        same = len({ports for _, ports in members}) == 1
        for each in left[:1] if same else left:
            yield from _deny(mesh, reach.policies, sources, each, whole=same)


def _check_addresses(policies: Bound) -> None:
    """Raises Blocked where a rule opens every port to a block of addresses, which may be those of the callees or not."""
    for policy, i, rule in ((one, i, each) for one in policies for i, each in enumerate(one.body.spec.egress)):
        if networks.admits(rule.ports) and any(map(entries.is_by_address, rule.to)):
            reason = "it lets out to addresses on all ports and to pods on some; which pods have these addresses is not known"
            raise Blocked(policy, Refused("anywhere", ("spec", "egress", i, "to"), reason))


def _is_narrower(mesh: Mesh, pods: Pods, ports: Ports, closed: frozenset[int]) -> bool:
    """Whether the callee itself admits mesh traffic to no more ports than these."""
    if ports is None or id(pods.workload) not in closed:
        return ports is None
    tunnels = [each.ports for each in entries.entering(mesh, pods) or () if each.tunnel]
    return all(each is not None and each <= ports for each in tunnels)


def _principals(mesh: Mesh, policy: Policy, reach: Reach) -> tuple[str, ...]:
    try:
        return identities.accounts(mesh, reach.callers, ("spec", "podSelector"))
    except Refused as refused:
        raise Blocked(policy, refused) from refused


def _deny(
    mesh: Mesh, policies: Bound, sources: tuple[str, ...], callee: tuple[Pods, Ports], *, whole: bool
) -> Iterator[Change]:
    """The DENY for one callee, or as `whole` for all of its namespace, which want the same."""
    pods, ports, policy = *callee, policies[0]
    if len(ports or ()) > closing.MOST:
        reason = f"it means {len(ports or ())} ports of {pods.name}, and an AuthorizationPolicy lists each one"
        raise Blocked(policy, Refused("range", ("spec", "egress"), reason))
    if pods.workload is None or not sources:
        return
    operation = {"to": [{"operation": {"notPorts": [str(each) for each in sorted(ports or ())]}}]} if ports else {}
    rule: dict[str, Any] = {"from": [{"source": {"principals": list(sources)}}]} | operation
    beside = entries.beside(policy, pods) if pods.namespace == policy.namespace else pods.workload.resource
    plain = entries.joined(policies, pods.namespace)
    name = f"{plain}-egress" if whole else f"{plain}-to-{pods.workload.name}"
    spec = closing.denying({} if whole else _labels(policy, pods, in_namespace(mesh, pods.namespace)), (rule,))
    yield from closing.made_once(mesh, policy, beside, name, spec)


def _labels(policy: Policy, pods: Pods, every: Iterable[Workload]) -> dict[str, str]:
    """Labels that mean the callee and nobody else in its namespace. Raises Blocked."""
    for labels in closing.labels_of(pods):
        if [each for each in every if labels.items() <= each.labels.items()] == [pods.workload]:
            return labels
    raise Blocked(policy, Refused("labels", ("spec", "egress"), f"no labels mean {pods.name} alone"))


# --- waypoints -------------------------------------------------------------------------------------------------------


def _to_waypoints(mesh: Mesh, policy: Policy, plan: Plan, settings: Settings) -> Iterator[Edit]:
    """Rules that let out to the waypoints in front of what the policy already lets out to."""
    found = dict.fromkeys((*_wanted(mesh, policy, plan), *leaving.wanted(mesh, policy, settings)))
    asked = [each for each in found if not lets_out(mesh, policy, each)]
    for number, waypoint in enumerate(asked, len(policy.body.spec.egress)):
        value = {"to": [waypoints.peer(waypoint, policy.namespace)], "ports": waypoints.tcp(())}
        yield Set(("spec", "egress", number), value)


def _wanted(mesh: Mesh, policy: Policy, plan: Plan) -> Iterator[Waypoint]:
    """The waypoints in front of the pods that the policy names."""
    for rule in policy.body.spec.egress:
        named = tuple(each for each in rule.to if each.ip_block is None)
        if named and (networks.admits(rule.ports) or entries.opens(mesh, policy, rule)):
            for pods in networks.peers_of(mesh, named, policy.namespace):
                yield from waypoints.in_front(plan, mesh, pods)


def lets_out(mesh: Mesh, policy: Policy, waypoint: Waypoint) -> bool:
    """Whether the policy lets out to the waypoint's tunnel by name."""
    pods = waypoints.pods_of(mesh, waypoint)
    for rule in policy.body.spec.egress:
        if networks.admits(rule.ports) or entries.opens(mesh, policy, rule):
            named = tuple(each for each in rule.to if each.ip_block is None)
            if not rule.to or (named and networks.is_peer(mesh, named, pods, policy.namespace)):
                return True
    return False
