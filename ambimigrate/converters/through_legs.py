"""The legs of an egress chain: where clients enter a gateway, and where the gateway sends on what they send.

Istio, docs/tasks/traffic-management/egress/egress-gateway: a rule for `mesh` sends to the gateway's Service, a rule for the
Gateway sends on to the outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.gateways import binding
from ambimigrate.converters.outcome import Refused, leaves, written
from ambimigrate.kinds import IstioGateway, VirtualService
from ambimigrate.kinds.routes import Destination, HTTPRouteDestination, HTTPRule, RouteDestination, TCPRule, TLSRule
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import chains, hosts
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.topology.workloads import Workload, behind, matches, selected_anywhere, target_port

Rule = HTTPRule | TCPRule | TLSRule
Sending = tuple[Resource[VirtualService], Route, Rule, Resource[IstioGateway]]
_PLAIN = frozenset({"name", "match", "route"})
_SAID = frozenset({"gateways", "port", "sniHosts"})  # conditions that say no more than that the chain is meant


class Door(Struct, frozen=True, eq=False):
    """Where clients enter the gateway: the port of its Service, and its pods as far as they are known."""

    port: int | None
    pods: tuple[Workload, ...] = ()
    targets: frozenset[int] = frozenset()
    selector: Mapping[str, str] = field(default_factory=dict)


class Leg(Struct, frozen=True, eq=False):
    """A rule by which clients send to the host of a gateway, and the destination to which its `sender` sends it on there.

    `called` are the ports of the entry at which it takes what clients send; None for all that carry what it is about.
    """

    route: Route
    host: str
    subset: str | None
    pods: tuple[Workload, ...]
    ports: frozenset[int]  # of the pods, at which they get it; none if that is not known
    onward: Destination
    sender: Resource[VirtualService]
    gateway: Resource[IstioGateway]
    called: frozenset[int] | None = None


def read(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Leg]:
    """The legs of the VirtualService, each a rule by which clients send to a gateway. Raises Refused."""
    for route, rule, gateway in chains.legs(mesh, vs):
        if len(rule.route) != 1:
            raise Refused("form", (*route, "route"), f"it sends a part of what it matches to {gateway}")
        yield replace(_leg(mesh, vs, route, rule.route[0].destination), called=_called(rule))


def _called(rule: Rule) -> frozenset[int] | None:
    ports = {each.port for each in rule.match if not each.gateways or MESH in each.gateways}
    return None if None in ports or not ports else frozenset(each for each in ports if each is not None)


def _door(mesh: Mesh, vs: Resource[VirtualService], target: Destination) -> Door:
    service = hosts.service(mesh, target.host, vs.namespace, vs.file)
    port = target.port.number if target.port else None
    if service is None:
        return Door(port)
    if port is None and len(service.body.spec.ports) == 1:
        port = service.body.spec.ports[0].port
    pods = behind(mesh, service)
    found = (target_port(each, pod) for each in service.body.spec.ports for pod in pods if each.port == port)
    return Door(port, pods, frozenset(each for each in found if each is not None), service.body.spec.selector)


def _leg(mesh: Mesh, vs: Resource[VirtualService], route: Route, target: Destination) -> Leg:
    """The rule with the one by which the gateway sends on what comes for the hosts at its port. Raises Refused."""
    door, host = _door(mesh, vs, target), target.host
    found = [each for each in _sending(mesh, vs, str(route[1])) if _takes(mesh, each, door)]
    if len(found) != 1:
        what = "no Gateway of the input says" if not found else "several rules of Gateways say"
        reason = f"{what} where {host} sends on what comes to its port{f' {door.port}' if door.port else ''}"
        raise Refused("gateway", (*route, "route", 0, "destination"), reason)
    sender, place, rule, gateway = found[0]
    targets: tuple[HTTPRouteDestination | RouteDestination, ...] = rule.route
    if len(targets) != 1 or (more := beyond(sender, place)):
        more = "route" if len(targets) != 1 else more
        raise Refused("form", route, f"at the gateway {sender.ref} does more by {more} than send on, and a waypoint does not")
    return Leg(
        route,
        hosts.full_name(host, vs.namespace),
        target.subset,
        door.pods,
        door.targets,
        targets[0].destination,
        sender,
        gateway,
    )


def _sending(mesh: Mesh, vs: Resource[VirtualService], kind: str) -> Iterator[Sending]:
    """The rules of Gateways of the input about the hosts of the VirtualService."""
    first, *others = dict.fromkeys(_full_hosts(vs))
    for owner in mesh.index(_by_host)[first]:
        if set(others) <= set(_full_hosts(owner)):
            for number, rule in enumerate(getattr(owner.body.spec, kind)):
                yield from ((owner, ("spec", kind, number), rule, each) for each in _gateways(mesh, owner, rule))


def _by_host(mesh: Mesh) -> Mapping[str, tuple[Resource[VirtualService], ...]]:
    return grouped((host, vs) for vs in mesh.of(VirtualService) for host in dict.fromkeys(_full_hosts(vs)))


def _full_hosts(vs: Resource[VirtualService]) -> tuple[str, ...]:
    return tuple(hosts.full_name(each, vs.namespace) for each in vs.body.spec.hosts)


def _gateways(mesh: Mesh, owner: Resource[VirtualService], rule: Rule) -> Iterator[Resource[IstioGateway]]:
    """The Gateways of the input for which the rule is."""
    bound = set(owner.body.spec.gateways)
    asked = {one for match in rule.match for one in match.gateways or bound} if rule.match else bound
    found = {binding.named(each, owner.namespace) for each in asked - {MESH}}
    yield from (each for name in sorted(found) if (each := mesh.find(IstioGateway, *name, owner.file)))


def _takes(mesh: Mesh, sending: Sending, door: Door) -> bool:
    """Whether pods of the gateway get by the rule what comes at the port."""
    owner, _, rule, gateway = sending
    chosen = gateway.body.spec.selector
    if door.pods and not any(each in door.pods for each in selected_anywhere(mesh, chosen)):
        return False
    if not door.pods and door.selector and not matches(chosen, door.selector):
        return False
    here = [each for each in rule.match if _is_of(each.gateways, gateway, owner)]
    if rule.match and not any(each.port is None or door.port in {None, each.port} for each in here):
        return False
    servers = (each for each in gateway.body.spec.servers if each.port and door.port in {None, each.port.number})
    return any(binding.shared_hosts(each, gateway, owner) for each in servers)


def _is_of(named: tuple[str, ...], gateway: Resource[IstioGateway], owner: Resource[VirtualService]) -> bool:
    return not named or any(binding.named(each, owner.namespace) == (gateway.namespace, gateway.name) for each in named)


def beyond(vs: Resource[VirtualService], route: Route) -> str | None:
    """The first field by which a rule does more than send on what comes."""
    rule: Any = written(vs)
    for step in route:
        rule = rule[step]
    for leaf in leaves(rule, ()):
        said = leaf[0] not in _PLAIN or (leaf[0] == "match" and leaf[2] not in _SAID)
        if said or (leaf[0] == "route" and leaf[2] not in {"destination", "weight"}):
            return ".".join(str(each) for each in leaf)
    return None
