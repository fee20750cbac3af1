"""Egress chains read as one: where a gateway sends on what clients send through it, and what else it does to that.

The chain (Istio, docs/tasks/traffic-management/egress/egress-gateway): a rule for `mesh` sends to the gateway's Service, a rule
for the Gateway sends on to the outside. Clients that call the outside themselves end up at the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.gateways import binding
from ambimigrate.converters.outcome import Refused, leaves, written
from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    EnvoyFilter,
    IstioGateway,
    RequestAuthentication,
    ServiceEntry,
    TrafficExtension,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.kinds.networking import EnvoyFilterSpec
from ambimigrate.kinds.routes import Destination, HTTPRouteDestination, HTTPRule, RouteDestination, TCPRule, TLSRule
from ambimigrate.model import Mesh, Ref, Resource, Route, grouped
from ambimigrate.topology import chains, hosts, meshconfig, policies, probes, reach
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.topology.workloads import Workload, behind, matches, selected_anywhere, target_port

Rule = HTTPRule | TCPRule | TLSRule
Sending = tuple[Resource[VirtualService], Route, Rule, Resource[IstioGateway]]
_RULERS: tuple[type[Any], ...] = (AuthorizationPolicy, RequestAuthentication, EnvoyFilter, WasmPlugin, TrafficExtension)
_AT_GATEWAYS = frozenset({"", "ANY", "GATEWAY"})  # contexts of an EnvoyFilter
_PLAIN = frozenset({"name", "match", "route"})
_SAID = frozenset({"gateways", "port", "sniHosts"})  # conditions that say no more than that the chain is meant
_LINUX = {"kubernetes.io/os": "linux"}
_ADDRESSES = ("projectcalico.org/ip", "projectcalico.org/floating", "egress.projectcalico.org", "k8s.v1.cni.cncf.io/networks")
EXPORT = "defaultVirtualServiceExportTo"


class Door(Struct, frozen=True, eq=False):
    """Where clients enter the gateway: the port of its Service, and its pods as far as they are known."""

    port: int | None
    pods: tuple[Workload, ...] = ()
    targets: frozenset[int] = frozenset()
    selector: Mapping[str, str] = field(default_factory=dict)


class Leg(Struct, frozen=True, eq=False):
    """A rule by which clients send to the host of a gateway, and the destination to which its `sender` sends it on there."""

    route: Route
    host: str
    subset: str | None
    pods: tuple[Workload, ...]
    ports: frozenset[int]  # of the pods, at which they get it; none if that is not known
    onward: Destination
    sender: Resource[VirtualService]
    gateway: Resource[IstioGateway]


class Chain(Struct, frozen=True, eq=False):
    """The legs of a VirtualService, and the ServiceEntry to which they lead."""

    legs: tuple[Leg, ...]
    entry: Resource[ServiceEntry]

    @property
    def is_http(self) -> bool:
        return self.legs[0].route[1] == "http"


def chain(mesh: Mesh, vs: Resource[VirtualService]) -> Chain | Refused | None:
    """The chain that the VirtualService makes, or why an egress waypoint cannot take its place; None if it makes none."""
    return mesh.index(_chains).get(id(vs))


def _chains(mesh: Mesh) -> Mapping[int, Chain | Refused]:
    return {id(vs): _read(mesh, vs) for vs in mesh.of(VirtualService) if chains.gateway(mesh, vs)}


def _read(mesh: Mesh, vs: Resource[VirtualService]) -> Chain | Refused:
    try:
        entry = _entry(mesh, vs)
        found = Chain(tuple(_legs(mesh, vs)), entry)
        _check_kinds(mesh, vs, found)
        for leg in found.legs:
            _check_rules(mesh, leg)
    except Refused as refused:
        return refused
    return found


def composed(mesh: Mesh, vs: Resource[VirtualService]) -> Resource[VirtualService]:
    """The VirtualService with the destinations beyond the gateway in place of the gateway."""
    found = chain(mesh, vs)
    if not isinstance(found, Chain) or not found.is_http:
        return vs
    rules = list(vs.body.spec.http)
    for leg in found.legs:
        number = int(leg.route[2])
        target = replace(rules[number].route[0], destination=leg.onward)
        rules[number] = replace(rules[number], route=(target,))
    return replace(vs, body=replace(vs.body, spec=replace(vs.body.spec, http=tuple(rules))))


def address(mesh: Mesh, found: Chain) -> Refused | None:
    """Why the far side may know the gateway by its address; None if its pods may run on every node, as those of a waypoint."""
    for leg in found.legs:
        if reason := _pinned(mesh, leg):
            route: Route = (*leg.route, "route", 0, "destination", "host")
            names = reach.listed(found.entry.body.spec.hosts)
            reason = f"{names} leaves through {leg.host}, {reason}; a waypoint calls from an address of its own"
            return Refused("address", route, reason, f"a connection to {names}: not from {leg.host} then")
    return None


def _pinned(mesh: Mesh, leg: Leg) -> str | None:
    if not leg.pods:
        return "whose pods are not in the input"
    for each in leg.pods:
        pod = each.pod
        if (
            pod.host_network
            or pod.node_name
            or {**_LINUX, **pod.node_selector} != _LINUX
            or "nodeAffinity" in (pod.affinity or {})
        ):
            return "whose pods are bound to certain nodes"
        if key := next((key for key in each.annotations if any(part in key for part in _ADDRESSES)), None):
            return f"whose pods get their address by {key}"
    if probes.runs_cilium(mesh) or mesh.target.platform == "openshift":
        return "which may have an address of its own by a policy of the network, which is not read"
    return None


# --- the parts ------------------------------------------------------------------------------------------------------


def _entry(mesh: Mesh, vs: Resource[VirtualService]) -> Resource[ServiceEntry]:
    """The one ServiceEntry for all hosts. Raises Refused."""
    found = reach.once(each for host in vs.body.spec.hosts for each in hosts.service_entries(mesh, host, vs.namespace))
    if len(found) != 1 or set(found[0].body.spec.hosts) != set(vs.body.spec.hosts):
        named = reach.listed(f"{each.namespace}/{each.name}" for each in found) or "none"
        reason = f"one ServiceEntry for just {reach.listed(vs.body.spec.hosts)} is needed, the input has: {named}"
        raise Refused("entry", ("spec", "hosts"), reason)
    if found[0].namespace != vs.namespace:
        reason = f"ServiceEntry {found[0].name} is in namespace {found[0].namespace}, whose waypoint would be another's"
        raise Refused("entry", ("spec", "hosts"), reason)
    return found[0]


def _check_kinds(mesh: Mesh, vs: Resource[VirtualService], found: Chain) -> None:
    """Raises Refused where rules for connections would need a route: a waypoint serves entries by the port that is called."""
    kinds = {leg.route[1] for leg in found.legs}
    if "tcp" in kinds or len(kinds) > 1 or (found.is_http and vs.body.spec.tls):
        raise Refused("form", found.legs[0].route, "it steers both requests and connections, or connections by port alone")
    if found.is_http:
        return
    if not reach.is_exported(mesh, vs.body.spec.export_to, vs.namespace, "*", EXPORT):
        raise Refused("form", ("spec", "exportTo"), "only some namespaces follow it; the others call the outside directly")
    for leg in found.legs:
        rule = vs.body.spec.tls[int(leg.route[2])]
        if more := _beyond(vs, leg.route):
            raise Refused("form", leg.route, f"by {more} it says more than that TLS leaves through {leg.host}")
        ports = {match.port for match in rule.match if not match.gateways or MESH in match.gateways} - {None}
        onward = leg.onward.port.number if leg.onward.port else None
        shifted = onward is not None and ports not in ({onward}, set())
        if shifted or leg.onward.subset or leg.onward.host not in vs.body.spec.hosts:
            raise Refused("form", leg.route, f"it sends TLS on to {leg.onward.host}, another host or port than is called")


def _legs(mesh: Mesh, vs: Resource[VirtualService]) -> Iterator[Leg]:
    """Raises Refused."""
    for route, rule, gateway in chains.legs(mesh, vs):
        if len(rule.route) != 1:
            raise Refused("form", (*route, "route"), f"it sends a part of what it matches to {gateway}")
        yield _leg(mesh, vs, route, rule.route[0].destination)


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
    if len(targets) != 1 or (more := _beyond(sender, place)):
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
    wanted = {hosts.full_name(each, vs.namespace) for each in vs.body.spec.hosts}
    for owner in mesh.of(VirtualService):
        if not wanted <= {hosts.full_name(each, owner.namespace) for each in owner.body.spec.hosts}:
            continue
        bound = set(owner.body.spec.gateways)
        for number, rule in enumerate(getattr(owner.body.spec, kind)):
            asked = {one for match in rule.match for one in match.gateways or bound} if rule.match else bound
            for space, name in sorted({binding.named(each, owner.namespace) for each in asked - {MESH}}):
                if gateway := mesh.find(IstioGateway, space, name, owner.file):
                    yield owner, ("spec", kind, number), rule, gateway


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


def _beyond(vs: Resource[VirtualService], route: Route) -> str | None:
    """The first field by which a rule does more than send on what comes."""
    rule: Any = written(vs)
    for step in route:
        rule = rule[step]
    for leaf in leaves(rule, ()):
        said = leaf[0] not in _PLAIN or (leaf[0] == "match" and leaf[2] not in _SAID)
        if said or (leaf[0] == "route" and leaf[2] not in {"destination", "weight"}):
            return ".".join(str(each) for each in leaf)
    return None


# --- who gets through -----------------------------------------------------------------------------------------------


def callers(mesh: Mesh, entry: Resource[ServiceEntry]) -> tuple[str, ...]:
    """The namespaces whose clients alone get through the gateway, since others do not see its subset; none if all do."""
    legs = mesh.index(_by_entry).get(entry.ref, ())
    found = [homes for leg in legs if leg.subset and (homes := _homes(mesh, leg))]
    return tuple(sorted(set.intersection(*found))) if found else ()


def _by_entry(mesh: Mesh) -> Mapping[Ref, tuple[Leg, ...]]:
    known = (each for each in mesh.index(_chains).values() if isinstance(each, Chain))
    return grouped((each.entry.ref, leg) for each in known for leg in each.legs)


def legs(mesh: Mesh, entry: Resource[ServiceEntry]) -> tuple[Leg, ...]:
    """The rules by which clients reach the entry through gateways."""
    return mesh.index(_by_entry).get(entry.ref, ())


def _homes(mesh: Mesh, leg: Leg) -> set[str]:
    """Where its subset is defined, if not for all (push_context.go `destinationRule`: the client's namespace comes first)."""
    near = [
        each.namespace
        for each in mesh.of(DestinationRule)
        if hosts.full_name(each.body.spec.host, each.namespace) == leg.host
        and any(one.name == leg.subset for one in each.body.spec.subsets)
    ]
    common = {leg.host.split(".")[1], meshconfig.root_namespace(mesh)}
    return set() if common.intersection(near) else set(near)


# --- what the gateway does besides -----------------------------------------------------------------------------------


def _check_rules(mesh: Mesh, leg: Leg) -> None:
    """Raises Refused if something at the gateway decides about what leaves, or changes it."""
    route: Route = (*leg.route, "route", 0, "destination", "host")
    root = meshconfig.root_namespace(mesh)
    for each in (one for kind in _RULERS for one in mesh.of(kind)):
        labels = policies.selector(each)
        if policies.targets(each) or not any(
            each.namespace in {pod.namespace, root} and matches(labels, pod.labels) for pod in leg.pods
        ):
            continue
        if not isinstance(each.body.spec, EnvoyFilterSpec) or _is_at_gateways(each.body.spec):
            raise Refused(
                "rules", route, f"{each.ref} decides at {leg.host} about what leaves, and a waypoint does not know it"
            )


def _is_at_gateways(spec: EnvoyFilterSpec) -> bool:
    return any((each.match or {}).get("context", "") in _AT_GATEWAYS for each in spec.config_patches)
