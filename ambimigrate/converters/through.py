"""Egress chains read as one: clients that call the outside themselves end up where the gateway sends on what they send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters import through_legs
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.through_legs import Leg
from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    EnvoyFilter,
    RequestAuthentication,
    ServiceEntry,
    TrafficExtension,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.kinds.networking import EnvoyFilterSpec
from ambimigrate.model import Mesh, Ref, Resource, Route, grouped
from ambimigrate.topology import chains, hosts, meshconfig, policies, probes, reach
from ambimigrate.topology.virtualservices import MESH
from ambimigrate.topology.workloads import matches

_RULERS: tuple[type[Any], ...] = (AuthorizationPolicy, RequestAuthentication, EnvoyFilter, WasmPlugin, TrafficExtension)
_AT_GATEWAYS = frozenset({"", "ANY", "GATEWAY"})  # contexts of an EnvoyFilter
HTTP = frozenset({"", "HTTP", "HTTP2", "GRPC", "GRPC-WEB"})  # protocols of ports whose requests are routed
_LINUX = {"kubernetes.io/os": "linux"}
_ADDRESSES = ("projectcalico.org/ip", "projectcalico.org/floating", "egress.projectcalico.org", "k8s.v1.cni.cncf.io/networks")
EXPORT = "defaultVirtualServiceExportTo"


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
    """By VirtualService; chains to one entry that are open to different clients cannot be told apart at its waypoint."""
    found = {id(vs): _read(mesh, vs) for vs in mesh.of(VirtualService) if chains.gateway(mesh, vs)}
    legs = ((each.entry.ref, leg) for each in found.values() if isinstance(each, Chain) for leg in each.legs)
    homes = grouped((entry, _homes(mesh, leg)) for entry, leg in legs)
    apart = {entry for entry, every in homes.items() if len(set(every)) > 1}
    return {key: _apart(each) if isinstance(each, Chain) and each.entry.ref in apart else each for key, each in found.items()}


def _read(mesh: Mesh, vs: Resource[VirtualService]) -> Chain | Refused:
    try:
        entry = _entry(mesh, vs)
        found = Chain(tuple(through_legs.read(mesh, vs)), entry)
        _check_kinds(mesh, vs, found)
        for leg in found.legs:
            _check_subset(mesh, leg)
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
            route = _to(leg, "host")
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
        if more := through_legs.beyond(vs, leg.route):
            raise Refused("form", leg.route, f"by {more} it says more than that TLS leaves through {leg.host}")
        ports = {match.port for match in rule.match if not match.gateways or MESH in match.gateways} - {None}
        onward = leg.onward.port.number if leg.onward.port else None
        shifted = onward is not None and ports not in ({onward}, set())
        if shifted or leg.onward.subset or leg.onward.host not in vs.body.spec.hosts:
            raise Refused("form", leg.route, f"it sends TLS on to {leg.onward.host}, another host or port than is called")


# --- who gets through -----------------------------------------------------------------------------------------------


def callers(mesh: Mesh, entry: Resource[ServiceEntry]) -> tuple[str, ...]:
    """The namespaces whose clients alone get through the gateway, since others do not see its subset; none if all do."""
    homes = next((_homes(mesh, leg) for leg in legs(mesh, entry)), None)  # those of all legs are the same
    return tuple(sorted(homes or ()))


def _by_entry(mesh: Mesh) -> Mapping[Ref, tuple[Leg, ...]]:
    known = (each for each in mesh.index(_chains).values() if isinstance(each, Chain))
    return grouped((each.entry.ref, leg) for each in known for leg in each.legs)


def legs(mesh: Mesh, entry: Resource[ServiceEntry]) -> tuple[Leg, ...]:
    """The rules by which clients reach the entry through gateways."""
    return mesh.index(_by_entry).get(entry.ref, ())


def ports(mesh: Mesh, entry: Resource[ServiceEntry]) -> frozenset[int]:
    """The ports of the entry whose callers are sent through gateways."""
    found: set[int] = set()
    for leg in legs(mesh, entry):
        is_http = leg.route[1] == "http"
        found |= {
            each.number
            for each in entry.body.spec.ports
            if (each.protocol.upper() in HTTP) == is_http and _meets(leg, each.number)
        }
    return frozenset(found)


def _meets(leg: Leg, port: int) -> bool:
    return leg.called is None or port in leg.called


def _homes(mesh: Mesh, leg: Leg) -> frozenset[str] | None:
    """Where its subset is seen (push_context.go `destinationRule`: the client's namespace comes first); None for everywhere."""
    if leg.subset is None:
        return None
    near = frozenset(mesh.index(_defining).get((leg.host, leg.subset), ()))
    return None if near & {leg.host.split(".")[1], meshconfig.root_namespace(mesh)} else near


def _defining(mesh: Mesh) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The namespaces of the DestinationRules by host and subset."""
    named = ((hosts.full_name(each.body.spec.host, each.namespace), each) for each in mesh.of(DestinationRule))
    return grouped(((host, one.name), each.namespace) for host, each in named for one in each.body.spec.subsets)


def _check_subset(mesh: Mesh, leg: Leg) -> None:
    """Raises Refused where nobody sees the subset: sidecars answer 503 then, a waypoint would send on."""
    if _homes(mesh, leg) == frozenset():
        reason = f"no DestinationRule of the input defines subset {leg.subset} of {leg.host}: sidecars answer 503 today"
        raise Refused("subset", _to(leg, "subset"), reason)


def _apart(found: Chain) -> Refused:
    leg = next((each for each in found.legs if each.subset), found.legs[0])
    reason = f"not all who call {reach.listed(found.entry.body.spec.hosts)} see the same subsets of {leg.host}"
    return Refused("subset", _to(leg, "subset" if leg.subset else "host"), f"{reason}; a waypoint asks no caller for that")


def _to(leg: Leg, field: str) -> Route:
    return (*leg.route, "route", 0, "destination", field)


# --- what the gateway does besides -----------------------------------------------------------------------------------


def _check_rules(mesh: Mesh, leg: Leg) -> None:
    """Raises Refused if something at the gateway decides about what leaves, or changes it."""
    route = _to(leg, "host")
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
