"""Whom a waypoint lets pass: callers that NetworkPolicies kept from the pods behind it, kept from their Services there."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Change, Stage
from ambimigrate.converters import made
from ambimigrate.converters.networks import closing, entries, identities, waypoints
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.networks.identities import Who
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.serving import Plan, Waypoint
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import AuthorizationPolicy, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import networks
from ambimigrate.topology.networks import Pods
from ambimigrate.topology.workloads import Workload, behind


def judged(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Iterator[Change]:
    """The policies that keep from a Service, at its waypoint, whom NetworkPolicies kept from its pods. Raises Blocked."""
    services = waypoints.services(mesh, namespace, plan)
    known = {id(each.workload): each for each in entries.fronted(mesh, namespace, services, settings)}
    for service in services:
        members = [known[id(each)] for each in behind(mesh, service) if id(each) in known]
        found = [each for one in members for each in _by_port(mesh, service, one, plan)]
        if all(each is None for each in found):
            continue
        policy, who = next(each for each in found if each is not None)
        if any(each is None or each[1] != who for each in found):
            reason = f"callers differ by port or pod of Service {service.name}, and its waypoint judges them for all of it"
            raise Blocked(policy, Refused("waypoint", ("spec", "ingress"), reason))
        if who.blocks:
            reason = f"it admits addresses, which the waypoint of Service {service.name} does not see"
            raise Blocked(policy, Refused("waypoint", ("spec", "ingress"), reason))
        yield from _deny(mesh, policy, service, who)


def _by_port(mesh: Mesh, service: Resource[Service], pods: Pods, plan: Plan) -> Iterator[tuple[Policy, Who] | None]:
    """Who of the mesh may call each port of the pods behind the Service, and a policy that says so; None for everybody."""
    bound = next(networks.policies_on(mesh, pods, "Ingress"), None)
    found = closing.others(entries.entering(mesh, pods) or (), waypoints.names(plan, pods.namespace))
    for port in sorted(waypoints.targets(service, pods)):
        group = frozenset(i for i, each in enumerate(found) if each.ports is None or port in each.ports)
        if bound is None or any(identities.is_everybody(found[i].peers) for i in group):
            yield None
        else:
            yield bound, closing.who(mesh, found, group)


def _deny(mesh: Mesh, policy: Policy, service: Resource[Service], who: Who) -> Iterator[Change]:
    name = f"{made.written_name(service)}-network"
    metadata = made.metadata(name, service)
    target = {"kind": "Service", "group": "", "name": service.name}
    spec = {"targetRefs": [target], "action": "DENY", "rules": [{"from": [{"source": who.others()}]}]}
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
                yield from _kept(mesh, bound, callers, service)


def _comes_near(mesh: Mesh, bound: tuple[Policy, ...], waypoint: Waypoint, plan: Plan) -> bool:
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


def _kept(mesh: Mesh, bound: tuple[Policy, ...], callers: tuple[Workload, ...], service: Resource[Service]) -> Iterator[Change]:
    wanted = [
        (ports := entries.outgoing(mesh, bound, waypoints.pods_behind(each))) is None or port in ports
        for each in behind(mesh, service)
        for port in waypoints.targets(service, waypoints.pods_behind(each))
    ]
    if all(wanted):
        return
    policy = bound[0]
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
