"""Waypoints between callers and pods: admitted as a peer, their own pods let through, callers judged where they enter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

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
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.waypoints import FOR
from ambimigrate.topology.workloads import Workload, behind, services_of, target_port

ADMITTED, JUDGED = "NP905", "NP906"
ISTIOD = 15012


def services(mesh: Mesh, namespace: str, plan: Plan) -> tuple[Resource[Service], ...]:
    """The Services of the namespace that a waypoint serves or will."""
    found = (mesh.find(Service, *key) for key in sorted(plan.by_service) if key[0] == namespace)
    return tuple(each for each in found if each is not None)


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
        ports |= targets(service, pods)
    return who, ports


def in_front(plan: Plan, mesh: Mesh, pods: Pods) -> Iterator[Waypoint]:
    """The waypoints through which calls to the pods come: by the plan, or as bound already."""
    yield from (waypoint for _, waypoint in _served(plan, mesh, pods))
    for service in services_of(mesh, pods.workload) if pods.workload else ():
        found = waypoints.binding(mesh, service)
        if (service.namespace, service.name) not in plan.by_service and found and found.fault is None and found.gateway:
            yield Waypoint(found.namespace, found.name)


def targets(service: Resource[Service], pods: Pods) -> frozenset[int]:
    """The ports of the pods to which the Service leads."""
    if pods.workload is None:
        return frozenset()
    found = (target_port(each, pods.workload) for each in service.body.spec.ports if each.protocol in {"", "TCP"})
    return frozenset(each for each in found if each is not None)


def pods_of(mesh: Mesh, waypoint: Waypoint) -> Pods:
    """The pods of a waypoint, also of one that is to be made."""
    known = mesh.find(Gateway, waypoint.namespace, waypoint.name)
    return networks.waypoint_pods(waypoint.namespace, waypoint.name, copied_labels(known.body) if known else {FOR: "service"})


def peer(waypoint: Waypoint, own: str) -> dict[str, Any]:
    """The waypoint's pods as a peer of a policy in the namespace `own`."""
    chosen: dict[str, Any] = {"podSelector": {"matchLabels": {GATEWAY_NAME: waypoint.name}}}
    if waypoint.namespace != own:
        chosen = {"namespaceSelector": {"matchLabels": {NAME: waypoint.namespace}}} | chosen
    return chosen


def tcp(ports: Iterable[int]) -> list[dict[str, Any]]:
    """Ports as a policy lists them, with 15008 at the end."""
    return [{"protocol": "TCP", "port": each} for each in (*sorted(ports), HBONE)]


def admits(mesh: Mesh, found: Iterable[Entry], waypoint: Waypoint, ports: frozenset[int]) -> bool:
    """Whether the rules let the waypoint's pods in by their labels, to 15008 and to the ports of the application."""
    own = pods_of(mesh, waypoint)
    known = [each for each in found if _is_peer(mesh, each, own)]
    open_ones = all(any(each.ports is None or port in each.ports for each in known) for port in ports)
    return open_ones and any(each.tunnel for each in known)


def _is_peer(mesh: Mesh, entry: Entry, own: Pods) -> bool:
    named = tuple(one for one in entry.peers if one.ip_block is None)
    return not entry.peers or (bool(named) and networks.is_peer(mesh, named, own, entry.policy.namespace))


def admitted(mesh: Mesh, pods: Iterable[Pods], plan: Plan) -> list[tuple[Policy, Edit]]:
    """The rules by which pods admit the waypoints that nothing lets in yet: on their own ports while they have sidecars."""
    asked: dict[tuple[int, Waypoint], tuple[Policy, set[int]]] = {}
    for each in pods:
        found = entries.entering(mesh, each)
        for service, waypoint in _served(plan, mesh, each) if found else ():
            if found and not admits(mesh, found, waypoint, targets(service, each)):
                policy = found[0].policy
                asked.setdefault((id(policy), waypoint), (policy, set()))[1].update(targets(service, each))
    edits: list[tuple[Policy, Edit]] = []
    lengths: dict[int, int] = {}
    for (key, waypoint), (policy, ports) in asked.items():
        number = lengths.setdefault(key, len(policy.body.spec.ingress))
        lengths[key] += 1
        value = {"from": [peer(waypoint, policy.namespace)], "ports": tcp(ports)}
        edits.append((policy, Set(("spec", "ingress", number), value)))
    return edits


def create(mesh: Mesh, value: Mapping[str, Any], beside: Resource[Any], policy: Policy, stage: Stage) -> Iterator[Change]:
    """The object, unless it was made before. Raises Blocked if somebody else's has its name."""
    try:
        shown = made.placed(value, beside)["metadata"]["name"]
    except Refused as refused:
        raise Blocked(policy, Refused("taken", ("metadata", "name"), refused.reason)) from refused
    kind, because = (AuthorizationPolicy, JUDGED) if stage is Stage.policies else (NetworkPolicy, ADMITTED)
    known: Resource[Any] | None = mesh.find(kind, beside.namespace, shown)
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
            spec |= {"ingress": list(_callers(mesh, services, plan))}
        if bound["Egress"]:
            spec |= {"egress": list(_beyond(mesh, services, blame))}
        metadata = made.metadata(waypoint.written or waypoint.name, services[0])
        value = {"apiVersion": f"{NetworkPolicy.GROUP}/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
        yield from create(mesh, value, services[0], blame, Stage.prepare)


def _find(mesh: Mesh, key: tuple[str, str]) -> Resource[Service] | None:
    return mesh.find(Service, *key)


def _callers(mesh: Mesh, services: list[Resource[Service]], plan: Plan) -> Iterator[dict[str, Any]]:
    """Whoever may call any of the Services, on 15008; the waypoint itself tells the Services apart."""
    peers: list[Any] = []
    for workload in (each for service in services for each in behind(mesh, service)):
        found = entries.entering(mesh, Pods(workload.namespace, str(workload), workload.labels, workload))
        tunnels = closing.through(found or (), names(plan, workload.namespace))
        if found is None or any(not each.peers for each in tunnels):
            yield {"ports": tcp(())}
            return
        for each in tunnels:
            peers += [one for one in _written(each) if one not in peers]
    if peers:
        yield {"from": peers, "ports": tcp(())}


def _written(entry: Entry) -> list[Any]:
    """The peers of a rule as its text has them, or as Kubernetes would write them."""
    try:
        return list(written(entry.policy)["spec"]["ingress"][entry.number]["from"])
    except (KeyError, IndexError, TypeError):
        return [msgspec.to_builtins(each) for each in entry.peers]


def _beyond(mesh: Mesh, services: list[Resource[Service]], blame: Policy) -> Iterator[dict[str, Any]]:
    """Where the waypoint itself calls: the pods, istiod, and DNS. Raises Blocked."""
    for service in services:
        if any(each.pod.host_network for each in behind(mesh, service)):
            reason = f"pods of Service {service.name} have the address of their node, and no peer stands for it"
            raise Blocked(blame, Refused("waypoint", ("spec", "egress"), reason))
        ports = frozenset(port for each in behind(mesh, service) for port in targets(service, pods_behind(each)))
        yield {"to": [{"podSelector": {"matchLabels": dict(service.body.spec.selector)}}], "ports": tcp(ports)}
    root = {"namespaceSelector": {"matchLabels": {NAME: meshconfig.root_namespace(mesh)}}}
    yield {"to": [root], "ports": [{"protocol": "TCP", "port": ISTIOD}]}
    yield {"ports": [{"protocol": each, "port": entries.DNS} for each in ("UDP", "TCP")]}


def pods_behind(workload: Workload) -> Pods:
    """The pods of a workload."""
    return Pods(workload.namespace, str(workload), workload.labels, workload)
