"""Which ServiceEntries need an egress waypoint for what sidecars do today, and why one could not do the same."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from msgspec import Struct

from ambimigrate.converters import through
from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import DestinationRule, ServiceEntry, VirtualService
from ambimigrate.kinds.traffic import ClientTLS, TrafficPolicy
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import flags, hosts, ingress, injection, meshconfig, reach, waypoints
from ambimigrate.topology.virtualservices import is_of_mesh
from ambimigrate.topology.waypoints import USE
from ambimigrate.versions import at_least

POLICIES_SINCE = "1.24.0"  # targetRefs of kind ServiceEntry
ALLOCATED_SINCE = "1.25.0"  # addresses of entries and DNS capture by default (release notes ip-allocation-v2-default)
RANGES_SINCE = "1.30.0"  # release note 59797: before, an entry with a range among its addresses is not published
_RESOLVED = frozenset({"STATIC", "DNS", "DNS_ROUND_ROBIN"})
_SYSTEM = ("/etc/ssl/", "/etc/pki/", "system")  # authorities that come with the image of every proxy
_STARTS = frozenset({"SIMPLE", "MUTUAL"})
Rule = Resource[DestinationRule]


def needing(mesh: Mesh, namespace: str) -> tuple[Resource[ServiceEntry], ...]:
    """The entries of the namespace that sidecars treat by rules on requests or TLS, and that no waypoint serves."""
    return mesh.index(_needing).get(namespace, ())


def homes(mesh: Mesh) -> tuple[str, ...]:
    """The namespaces with such entries."""
    return tuple(sorted(mesh.index(_needing)))


def _needing(mesh: Mesh) -> Mapping[str, tuple[Resource[ServiceEntry], ...]]:
    routed = {host for vs in mesh.of(VirtualService) if is_of_mesh(vs.body) for host in vs.body.spec.hosts}
    stay = (vs for vs in mesh.of(VirtualService) if isinstance(through.chain(mesh, vs), Refused))
    routed -= {host for vs in stay for host in vs.body.spec.hosts}
    return grouped((each.namespace, each) for each in mesh.of(ServiceEntry) if _needs(mesh, each, routed))


def _needs(mesh: Mesh, entry: Resource[ServiceEntry], routed: set[str]) -> bool:
    spec = entry.body.spec
    if spec.location != "MESH_EXTERNAL" or not reach.is_called(mesh, entry) or _is_served(mesh, entry):
        return False
    if set(spec.export_to) == {"~"}:  # no sidecar sees it
        return False
    return not routed.isdisjoint(spec.hosts) or any(starting(mesh, entry))


def _is_served(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    found = waypoints.binding(mesh, entry)
    return found is not None and found.fault is None


def starting(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[tuple[Rule, Route, ClientTLS]]:
    """The places where DestinationRules let callers start TLS towards it."""
    for rule in mesh.of(DestinationRule):
        selector = rule.body.spec.workload_selector
        if rule.body.spec.host not in entry.body.spec.hosts:
            continue
        if selector and ingress.is_selected(mesh, rule.namespace, selector.match_labels):
            continue
        yield from ((rule, route, tls) for route, tls in _tls(rule.body) if tls.mode in _STARTS)


def _tls(rule: DestinationRule) -> Iterator[tuple[Route, ClientTLS]]:
    policies: list[tuple[Route, TrafficPolicy | None]] = [(("spec", "trafficPolicy"), rule.spec.traffic_policy)]
    policies += [(("spec", "subsets", n, "trafficPolicy"), each.traffic_policy) for n, each in enumerate(rule.spec.subsets)]
    for route, policy in policies:
        if policy and policy.tls:
            yield (*route, "tls"), policy.tls
        for number, port in enumerate(policy.port_level_settings if policy else ()):
            if port.tls:
                yield (*route, "portLevelSettings", number, "tls"), port.tls


def faults(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[Refused]:
    """Why a waypoint would not do for the entry what sidecars do."""
    spec, istio = entry.body.spec, mesh.target.istio
    if USE in entry.body.metadata.labels or _asked(mesh, entry):
        yield Refused(
            "labelled", ("metadata", "labels", USE), f"it asks for a waypoint already, which does not serve {entry.name}"
        )
    if not at_least(istio, POLICIES_SINCE):
        yield Refused("version", ("spec",), f"policies for a ServiceEntry are read from Istio {POLICIES_SINCE} on")
    if wild := next((each for each in spec.hosts if each.startswith("*")), None):
        yield Refused("wildcard", ("spec", "hosts"), f"ztunnel knows no address of {wild}: its calls go past any waypoint")
    if spec.resolution not in _RESOLVED:
        yield Refused("resolution", ("spec", "resolution"), f"resolution {spec.resolution} gives a waypoint no endpoint")
    yield from _addresses(mesh, entry)
    if other := next((each for each in _others(mesh, entry)), None):
        reason = f"{other.ref} lists a host of it, too: one of them wins for the whole mesh"
        yield Refused("twice", ("spec", "hosts"), reason)
    yield from _rules(mesh, entry)
    seen, own = _seen(mesh, entry), through.callers(mesh, entry)
    if seen and own and set(seen).isdisjoint(own):
        reason = f"who sees it ({reach.listed(seen)}) does not see the subset of its egress gateway: sidecars answer 503 today"
        yield Refused("some", ("spec", "exportTo"), reason)
    if seen and not is_registry_only(mesh):
        reason = f"only {reach.listed(seen)} see it; others call {spec.hosts[0]} as unknown today, and are refused then"
        yield Refused("export", ("spec", "exportTo"), reason, f"a call to {spec.hosts[0]} from elsewhere: refused then")


def _asked(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    return USE in injection.labels(mesh, entry.namespace)


def _addresses(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[Refused]:
    addresses, istio = entry.body.spec.addresses, mesh.target.istio
    if not addresses:
        default = at_least(istio, ALLOCATED_SINCE)
        for switch, said in (
            ("PILOT_ENABLE_IP_AUTOALLOCATE", flags.pilot_env(mesh, "PILOT_ENABLE_IP_AUTOALLOCATE")),
            ("cni.ambient.dnsCapture", flags.dns_capture(mesh)),
        ):
            if not (default if said is None else said):
                reason = f"it has no address, and {switch} is off: ztunnel does not recognise its calls"
                yield Refused("address", ("spec", "addresses"), reason)
                return
    elif any(_is_range(each) for each in addresses) and not at_least(istio, RANGES_SINCE):
        reason = f"with a range among its addresses ztunnel of Istio {istio} does not recognise its calls"
        yield Refused("address", ("spec", "addresses"), reason)


def _is_range(address: str) -> bool:
    try:
        return ipaddress.ip_network(address, strict=False).num_addresses > 1
    except ValueError:
        return False


def _others(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[Resource[ServiceEntry]]:
    for host in entry.body.spec.hosts:
        found = hosts.service_entries(mesh, host, entry.namespace)
        yield from (each for each in found if each.ref != entry.ref)


def _rules(mesh: Mesh, entry: Resource[ServiceEntry]) -> Iterator[Refused]:
    for rule, route, tls in starting(mesh, entry):
        home = entry.namespace or rule.namespace  # "" is unknown
        where: Route = ("spec", "hosts")
        if rule.namespace not in {"", home, meshconfig.root_namespace(mesh)}:
            yield Refused("unread", where, f"{rule.ref} starts TLS for its own callers; a waypoint in {home} skips it")
        elif rule.body.spec.workload_selector or "subsets" in route or not _is_everywhere(mesh, rule):
            yield Refused("some", where, f"{rule.ref} starts TLS for some callers or subsets only; a waypoint would for all")
        elif tls.mode == "MUTUAL" or tls.credential_name or _is_file(tls.ca_certificates):
            yield Refused(
                "certificates", where, f"{rule.ref} takes certificates from the callers' sidecars, which a waypoint lacks"
            )


def _is_everywhere(mesh: Mesh, rule: Rule) -> bool:
    return reach.is_exported(mesh, rule.body.spec.export_to, rule.namespace, "*", "defaultDestinationRuleExportTo")


def _is_file(path: str) -> bool:
    return bool(path) and not path.startswith(_SYSTEM)


class Way(Struct, frozen=True):
    """Ports of an entry to which the same clients get in the same way: through gateways, or directly.

    `callers` are the namespaces whose pods alone do; none if all do.
    """

    ports: frozenset[int]
    callers: tuple[str, ...]
    is_through: bool


def ways(mesh: Mesh, entry: Resource[ServiceEntry]) -> tuple[Way, ...]:
    """The ways to the entry today, each with its ports."""
    seen, chained = _seen(mesh, entry), through.ports(mesh, entry)
    rest = frozenset(each.number for each in entry.body.spec.ports) - chained
    own = through.callers(mesh, entry)
    both = tuple(each for each in seen if each in own) if seen and own else seen or own
    found = (Way(chained, both, is_through=True), Way(rest, seen, is_through=False))
    return tuple(each for each in found if each.ports)


def _seen(mesh: Mesh, entry: Resource[ServiceEntry]) -> tuple[str, ...]:
    """The namespaces that alone see the entry; none if all do."""
    export = entry.body.spec.export_to
    if reach.is_exported(mesh, export, entry.namespace, "*", "defaultServiceExportTo"):
        return ()
    return tuple(sorted({entry.namespace if each in {"", "."} else each for each in export or (".",)} - {"~"}))


def is_registry_only(mesh: Mesh) -> bool:
    """Whether sidecars refuse what they do not know, by the setting of the mesh."""
    return any(each.value == "REGISTRY_ONLY" for each in meshconfig.settings(mesh, "outboundTrafficPolicy", "mode"))
