"""Waypoints between callers and pods: admitted as a peer, their own pods let through, callers judged where they enter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.changes import Change, Create, Edit, Set, Stage
from ambimigrate.converters import made
from ambimigrate.converters.networks import closing, entries, identities
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.entries import Entry, Policy
from ambimigrate.converters.networks.identities import Who
from ambimigrate.converters.outcome import Refused, written
from ambimigrate.converters.serving import Plan, Waypoint
from ambimigrate.kinds import AuthorizationPolicy, Gateway, NetworkPolicy, Service
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import meshconfig, networks, waypoints
from ambimigrate.topology.networks import GATEWAY_NAME, HBONE, NAME, Pods
from ambimigrate.topology.waypoints import FOR
from ambimigrate.topology.workloads import behind, services_of, target_port

ADMITTED, JUDGED = "NP905", "NP906"
ISTIOD = 15012


def names(plan: Plan, namespace: str) -> frozenset[str]:
    """The waypoints that serve Services of the namespace."""
    return frozenset(each.name for each in plan.of(namespace))


def _served(plan: Plan, mesh: Mesh, pods: Pods) -> Iterator[tuple[Resource[Service], Waypoint]]:
    for service in services_of(mesh, pods.workload) if pods.workload else ():
        if found := plan.by_service.get((service.namespace, service.name)):
            yield service, found


def serving(plan: Plan, mesh: Mesh, pods: Pods) -> tuple[Who, frozenset[int]]:
    """The identities of the waypoints in front of the pods, and the ports of the pods to which they lead."""
    who, ports = Who(), frozenset[int]()
    for service, waypoint in _served(plan, mesh, pods):
        who |= Who(principals=(identities.principal(waypoint.namespace, waypoint.account or waypoint.name),))
        ports |= _targets(service, pods)
    return who, ports


def _targets(service: Resource[Service], pods: Pods) -> frozenset[int]:
    if pods.workload is None:
        return frozenset()
    found = (target_port(each, pods.workload) for each in service.body.spec.ports if each.protocol in {"", "TCP"})
    return frozenset(each for each in found if each is not None)


def pods_of(mesh: Mesh, waypoint: Waypoint) -> Pods:
    """The pods of a waypoint, also of one that is to be made."""
    known = mesh.find(Gateway, waypoint.namespace, waypoint.name)
    return networks.waypoint_pods(waypoint.namespace, waypoint.name, known.body.metadata.labels if known else {FOR: "service"})


def peer(waypoint: Waypoint, own: str) -> dict[str, Any]:
    """The waypoint's pods as a peer of a policy in the namespace `own`."""
    chosen: dict[str, Any] = {"podSelector": {"matchLabels": {GATEWAY_NAME: waypoint.name}}}
    if waypoint.namespace != own:
        chosen = {"namespaceSelector": {"matchLabels": {NAME: waypoint.namespace}}} | chosen
    return chosen


def tcp(ports: Iterable[int]) -> list[dict[str, Any]]:
    """Ports as a policy lists them, with 15008 at the end."""
    return [{"protocol": "TCP", "port": each} for each in (*sorted(ports), HBONE)]


def admits(mesh: Mesh, found: Iterable[Entry], waypoint: Waypoint) -> bool:
    """Whether any of the rules lets the waypoint's pods in by their labels."""
    own = pods_of(mesh, waypoint)
    for each in found:
        named = tuple(one for one in each.peers if one.ip_block is None)
        if each.tunnel and (not each.peers or (named and networks.is_peer(mesh, named, own, each.policy.namespace))):
            return True
    return False


def admitted(mesh: Mesh, pods: Iterable[Pods], plan: Plan) -> list[tuple[Policy, Edit]]:
    """The rules by which pods admit the waypoints that nothing lets in yet: on their own ports while they have sidecars."""
    asked: dict[tuple[int, Waypoint], tuple[Policy, set[int]]] = {}
    for each in pods:
        found = entries.entering(mesh, each)
        tunnels = closing.through(found or (), names(plan, each.namespace))
        for service, waypoint in _served(plan, mesh, each) if tunnels and found else ():
            if not admits(mesh, found, waypoint):
                policy = tunnels[0].policy
                asked.setdefault((id(policy), waypoint), (policy, set()))[1].update(_targets(service, each))
    edits: list[tuple[Policy, Edit]] = []
    lengths: dict[int, int] = {}
    for (key, waypoint), (policy, ports) in asked.items():
        number = lengths.setdefault(key, len(policy.body.spec.ingress))
        lengths[key] += 1
        value = {"from": [peer(waypoint, policy.namespace)], "ports": tcp(ports)}
        edits.append((policy, Set(("spec", "ingress", number), value)))
    return edits


# --- whom a waypoint lets pass ---------------------------------------------------------------------------------------


def judged(mesh: Mesh, namespace: str, plan: Plan, joining: Iterable[Pods]) -> Iterator[Change]:
    """The policies that keep from a Service, at its waypoint, whom NetworkPolicies kept from its pods. Raises Blocked."""
    known = {id(each.workload): each for each in joining}
    for (own, name), _ in sorted(plan.by_service.items()):
        service = mesh.find(Service, own, name) if own == namespace else None
        members = [known[id(each)] for each in behind(mesh, service) if id(each) in known] if service else []
        found = [each for one in members for each in _by_port(mesh, service, one, plan)] if service else []
        if service is None or not found or all(who is None for _, who in found):
            continue
        policy, who = found[0]
        if who is None or policy is None or any(each != who for _, each in found):
            blame = next(each for each, _ in found if each is not None)
            reason = f"callers differ by port or pod of Service {name}, and its waypoint judges them for the Service as a whole"
            raise Blocked(blame, Refused("waypoint", ("spec", "ingress"), reason))
        if who.blocks:
            reason = f"it admits addresses, which the waypoint of Service {name} does not see"
            raise Blocked(policy, Refused("waypoint", ("spec", "ingress"), reason))
        yield from _deny(mesh, policy, service, who)


def _by_port(
    mesh: Mesh, service: Resource[Service] | None, pods: Pods, plan: Plan
) -> Iterator[tuple[Policy | None, Who | None]]:
    """Who of the mesh may call each port of the pods behind the Service; None for everybody."""
    found = entries.entering(mesh, pods)
    tunnels = closing.through(found or (), names(plan, pods.namespace))
    for port in sorted(_targets(service, pods)) if service else ():
        group = frozenset(i for i, each in enumerate(tunnels) if each.ports is None or port in each.ports)
        if found is None:
            yield None, None
        elif any(identities.is_everybody(tunnels[i].peers) for i in group):
            yield tunnels[0].policy, None
        elif tunnels:
            yield tunnels[0].policy, closing.who(mesh, tunnels, group)


def _deny(mesh: Mesh, policy: Policy, service: Resource[Service], who: Who) -> Iterator[Change]:
    name = f"{made.written_name(service)}-network"
    metadata = made.metadata(name, service)
    target = {"kind": "Service", "group": "", "name": service.name}
    spec = {"targetRefs": [target], "action": "DENY", "rules": [{"from": [{"source": who.others()}]}]}
    value = {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec}
    yield from create(mesh, AuthorizationPolicy, value, service, policy, Stage.policies, JUDGED)


def create(
    mesh: Mesh, kind: type[Any], value: Mapping[str, Any], beside: Resource[Any], policy: Policy, stage: Stage, because: str
) -> Iterator[Change]:
    """The object, unless it was made before. Raises Blocked if somebody else's has its name."""
    try:
        shown = made.placed(value, beside)["metadata"]["name"]
    except Refused as refused:
        raise Blocked(policy, Refused("taken", ("metadata", "name"), refused.reason)) from refused
    known = mesh.find(kind, beside.namespace, shown)
    if known is not None and not made.is_ours(known):
        raise Blocked(policy, Refused("taken", ("metadata", "name"), f"there is a {kind.__name__} {shown} already"))
    if known is None:
        ref = Ref(kind.__name__, kind.GROUP, beside.namespace, shown)
        action = Create(ref, value, beside)
        yield Change(stage, beside.namespace, mesh.name, ref, action, None, (because,), (policy.at(),))


# --- the waypoint's own pods -----------------------------------------------------------------------------------------


def let_through(mesh: Mesh, namespace: str, plan: Plan) -> Iterator[Change]:
    """The policy for the pods of a waypoint that others of the namespace bind, too. Raises Blocked."""
    for waypoint in plan.of(namespace):
        own = pods_of(mesh, waypoint)
        bound = {each: list(networks.policies_on(mesh, own, each)) for each in ("Ingress", "Egress")}
        services = [each for key in sorted(plan.by_service) if plan.by_service[key] == waypoint and (each := _find(mesh, key))]
        blame = next((each for members in bound.values() for each in members), None)
        if blame is None or all(waypoints.is_bound(mesh, each) for each in services):
            continue
        if waypoint.namespace != namespace:
            reason = f"it binds the pods of waypoint {waypoint.name}, which serves another namespace, {namespace}"
            raise Blocked(blame, Refused("waypoint", ("spec", "podSelector"), reason))
        spec: dict[str, Any] = {"podSelector": {"matchLabels": {GATEWAY_NAME: waypoint.name}}}
        spec |= {"policyTypes": [each for each, members in bound.items() if members]}
        if bound["Ingress"]:
            spec |= {"ingress": [_callers(mesh, services, plan)]}
        if bound["Egress"]:
            spec |= {"egress": list(_beyond(mesh, services))}
        metadata = made.metadata(waypoint.written or waypoint.name, blame)
        value = {"apiVersion": f"{NetworkPolicy.GROUP}/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
        yield from create(mesh, NetworkPolicy, value, blame, blame, Stage.prepare, ADMITTED)


def _find(mesh: Mesh, key: tuple[str, str]) -> Resource[Service] | None:
    return mesh.find(Service, *key)


def _callers(mesh: Mesh, services: list[Resource[Service]], plan: Plan) -> dict[str, Any]:
    """Whoever may call any of the Services, on 15008; the waypoint itself tells the Services apart."""
    peers: list[Any] = []
    for workload in (each for service in services for each in behind(mesh, service)):
        found = entries.entering(mesh, Pods(workload.namespace, str(workload), workload.labels, workload))
        tunnels = closing.through(found or (), names(plan, workload.namespace))
        if found is None or any(not each.peers for each in tunnels):
            return {"ports": tcp(())}
        for each in tunnels:
            text = written(each.policy)["spec"]["ingress"][each.number]["from"]
            peers += [one for one in text if one not in peers]
    return ({"from": peers} if peers else {}) | {"ports": tcp(())}


def _beyond(mesh: Mesh, services: list[Resource[Service]]) -> Iterator[dict[str, Any]]:
    """Where the waypoint itself calls: the pods, istiod, and DNS."""
    for service in services:
        ports = frozenset(port for each in behind(mesh, service) for port in _targets(service, _pods(each)))
        yield {"to": [{"podSelector": {"matchLabels": dict(service.body.spec.selector)}}], "ports": tcp(ports)}
    root = {"namespaceSelector": {"matchLabels": {NAME: meshconfig.root_namespace(mesh)}}}
    yield {"to": [root], "ports": [{"protocol": "TCP", "port": ISTIOD}]}
    yield {"ports": [{"protocol": each, "port": entries.DNS} for each in ("UDP", "TCP")]}


def _pods(workload: Any) -> Pods:
    return Pods(workload.namespace, str(workload), workload.labels, workload)
