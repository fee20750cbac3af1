"""Whom a waypoint lets pass: callers that NetworkPolicies kept from the pods behind it, kept from their Services there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.converters import made
from ambimigrate.converters.networks import closing, entries, identities, outgoing, waypoints
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.networks.identities import Who
from ambimigrate.converters.networks.outgoing import Bound
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.serving import Plan, Waypoint
from ambimigrate.converters.settings import Settings
from ambimigrate.converters.subsets import versioned
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import networks
from ambimigrate.topology.networks import Pods
from ambimigrate.topology.workloads import Workload, behind, target_port


def judged(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Iterator[Change]:
    """The policies that keep from a Service, at its waypoint, whom NetworkPolicies kept from its pods. Raises Blocked."""
    services = waypoints.services(mesh, namespace, plan)
    known = {id(each.workload): each for each in entries.fronted(mesh, namespace, services, settings)}
    for service in services:
        members = [known[id(each)] for each in behind(mesh, service) if id(each) in known]
        found = {each.port: _callers(mesh, service, each, members, plan) for each in service.body.spec.ports if _is_tcp(each)}
        rules = tuple(_rules(found))
        if rules:
            policy = next(each[0] for each in found.values() if each is not None)
            yield from _deny(mesh, policy, service, rules)


def with_doors(mesh: Mesh, found: Iterable[Change], settings: Settings) -> Iterator[Change]:
    """The policies for a Service at its waypoint, also for the versioned Services by which callers reach its pods."""
    for each in found:
        if not isinstance(each.action, Create):
            continue
        spec = each.action.value["spec"]
        service = mesh.find(Service, each.ref.namespace, spec["targetRefs"][0]["name"])
        names = versioned.names(mesh, service, settings) if service else ()
        targets = [*spec["targetRefs"], *({"kind": "Service", "group": "", "name": name} for name in names)]
        value = {**each.action.value, "spec": {**spec, "targetRefs": targets}}
        yield replace(each, action=replace(each.action, value=value))


def _is_tcp(port: ServicePort) -> bool:
    return port.protocol in {"", "TCP"}


def _callers(
    mesh: Mesh, service: Resource[Service], port: ServicePort, members: list[Pods], plan: Plan
) -> tuple[Policy, Who] | None:
    """Who of the mesh may call the port of the Service, and a policy that says so; None for everybody. Raises Blocked."""
    found = [_caller(mesh, pods, port, plan) for pods in members]
    if all(each is None for each in found):
        return None
    policy, who = next(each for each in found if each is not None)
    if any(each is None or each[1] != who for each in found):
        reason = f"callers differ by pod of Service {service.name}, and its waypoint judges them for all of it"
        raise Blocked(policy, Refused("waypoint", ("spec", "ingress"), reason))
    if who.blocks:
        reason = f"it admits addresses, which the waypoint of Service {service.name} does not see"
        raise Blocked(policy, Refused("waypoint", ("spec", "ingress"), reason))
    return policy, who


def _caller(mesh: Mesh, pods: Pods, port: ServicePort, plan: Plan) -> tuple[Policy, Who] | None:
    entering = entries.entering(mesh, pods)
    number = target_port(port, pods.workload) if pods.workload else None
    if entering is None or number is None:
        return None
    found = closing.others(entering, waypoints.names(plan, pods.namespace))
    group = frozenset(i for i, each in enumerate(found) if each.ports is None or number in each.ports)
    if any(identities.is_everybody(found[i].peers) for i in group):
        return None
    return next(networks.policies_on(mesh, pods, "Ingress")), closing.who(mesh, found, group)


def _rules(found: dict[int, tuple[Policy, Who] | None]) -> Iterator[dict[str, Any]]:
    """A rule for each set of callers; it names ports, those of the Service, only where others have other callers."""
    for who in dict.fromkeys(each[1] for each in found.values() if each is not None):
        ports = [str(port) for port, each in found.items() if each is not None and each[1] == who]
        rule: dict[str, Any] = {"from": [{"source": who.others()}]}
        yield rule | ({"to": [{"operation": {"ports": ports}}]} if len(ports) < len(found) else {})


def _deny(mesh: Mesh, policy: Policy, service: Resource[Service], rules: tuple[dict[str, Any], ...]) -> Iterator[Change]:
    metadata = made.metadata(f"{made.written_name(service)}-network", service)
    target = {"kind": "Service", "group": "", "name": service.name}
    spec = {"targetRefs": [target], "action": "DENY", "rules": list(rules)}
    value = {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec}
    yield from waypoints.create(mesh, value, service, policy, Stage.policies)


def kept_from(mesh: Mesh, namespace: str, plan: Plan) -> Iterator[Change]:
    """The policies that keep from a Service, at its waypoint, pods whose own policies do not let them out to it.

    Raises Blocked.
    """
    for bound, callers in mesh.index(entries.restricted):
        for (own, name), waypoint in sorted(plan.by_service.items()):
            service = mesh.find(Service, own, name) if own == namespace else None
            if service is not None and _comes_near(mesh, bound, waypoint, plan):
                yield from _kept(mesh, bound, callers, service, waypoint)


def _comes_near(mesh: Mesh, bound: Bound, waypoint: Waypoint, plan: Plan) -> bool:
    """Whether the policies let out to the tunnel of the waypoint, or will since they do to pods behind it."""
    own = [waypoints.pods_of(mesh, waypoint)]
    for key in (key for key, each in plan.by_service.items() if each == waypoint):
        service = mesh.find(Service, *key)
        own += [waypoints.pods_behind(each) for each in behind(mesh, service)] if service else []
    rules = ((policy.namespace, rule) for policy in bound for rule in policy.body.spec.egress)
    return any(
        networks.is_peer(mesh, rule.to, each, space)
        for space, rule in rules
        if not rule.ports or networks.tcp(rule.ports)
        for each in own
    )


def _check_far(mesh: Mesh, bound: Bound, service: Resource[Service], waypoint: Waypoint) -> None:
    """Raises Blocked where callers of another namespace may call the pods, and nothing lets them out to the waypoint."""
    policy = bound[0]
    known = any(outgoing.lets_out(mesh, each, waypoint) for each in bound)
    if policy.namespace != service.namespace and not known:
        reason = f"it lets out to the pods of Service {service.namespace}/{service.name}, but not to waypoint {waypoint.name}"
        raise Blocked(policy, Refused("far", ("spec", "egress"), reason))


def _kept(
    mesh: Mesh, bound: Bound, callers: tuple[Workload, ...], service: Resource[Service], waypoint: Waypoint
) -> Iterator[Change]:
    wanted = [
        (ports := entries.outgoing(mesh, bound, waypoints.pods_behind(each))) is None or port in ports
        for each in behind(mesh, service)
        for port in waypoints.targets(service, waypoints.pods_behind(each))
    ]
    policy = bound[0]
    if all(wanted):
        _check_far(mesh, bound, service, waypoint)
        return
    if any(wanted):
        reason = f"it lets out to some ports of Service {service.name}, and a waypoint opens them all"
        raise Blocked(policy, Refused("waypoint", ("spec", "egress"), reason))
    try:
        sources = identities.accounts(mesh, callers, ("spec", "podSelector"))
    except Refused as refused:
        raise Blocked(policy, refused) from refused
    if sources:
        metadata = made.metadata(f"{made.written_name(service)}-not-from-{entries.joined(bound, service.namespace)}", service)
        target = {"kind": "Service", "group": "", "name": service.name}
        rule = {"from": [{"source": {"principals": list(sources)}}]}
        spec = {"targetRefs": [target], "action": "DENY", "rules": [rule]}
        value = {"apiVersion": f"{AuthorizationPolicy.GROUP}/v1", "kind": "AuthorizationPolicy"}
        yield from waypoints.create(mesh, {**value, "metadata": metadata, "spec": spec}, service, policy, Stage.policies)
