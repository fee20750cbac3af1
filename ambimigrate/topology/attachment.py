"""What the targetRefs of a policy reach: the waypoint that enforces it, or why nobody does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ambimigrate import support
from ambimigrate.kinds import AuthorizationPolicy, Gateway, RequestAuthentication, Service, ServiceEntry, TargetRef
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.topology import hosts, meshconfig, waypoints
from ambimigrate.topology.policies import targets
from ambimigrate.topology.waypoints import Binding

AGENTGATEWAY = "istio-agentgateway-waypoint"  # 1.31+, configured by the Gateway API only
ISTIO_NETWORKING = "networking.istio.io"


Named = tuple[str, str, str]  # kind, namespace ("" for a GatewayClass) and name of what a targetRef means


class Fault(NamedTuple):
    """Why a targetRef is enforced by nobody: the case of the catalogue entry and the words."""

    case: str
    words: str


def fault(mesh: Mesh, policy: Resource[Any], ref: TargetRef) -> Fault | None:
    """Why the target is enforced by nobody, None if something enforces it (a gateway or a waypoint)."""
    match ref.kind:
        case "Service":
            return _of_service(mesh, policy, ref)
        case "ServiceEntry":
            return _of_entry(mesh, policy, ref)
        case "Gateway" if ref.group != ISTIO_NETWORKING:
            return _of_gateway(mesh, policy, ref)
        case "GatewayClass":
            return _of_class(mesh, policy, ref)
    return Fault("kind", f"targetRefs cannot name {ref.kind or 'nothing'} {ref.name} of group {ref.group or 'core'}")


def _of_service(mesh: Mesh, policy: Resource[Any], ref: TargetRef) -> Fault | None:
    service = mesh.find(Service, policy.namespace, ref.name, policy.file)
    if service is None:
        return _of_foreign(mesh, policy, ref)
    if hosts.is_headless(service):
        return Fault("headless", f"Service {ref.name} is headless: no waypoint ever serves it")
    return _of_bound(mesh, policy, service)


def _of_foreign(mesh: Mesh, policy: Resource[Any], ref: TargetRef) -> Fault | None:
    """A Service of that name behind a waypoint of the policy's namespace: before 1.24 the policy belongs there."""
    own = (each for each in waypoints.waypoints(mesh) if each.namespace == policy.namespace)
    behind = (each for gateway in own for each in served(mesh, gateway))
    found = next((each for each in behind if (each.kind, each.name) == ("Service", ref.name)), None)
    if found is None:
        return _absent(mesh, policy, str(Ref("Service", "", policy.namespace, ref.name)), Service)
    if _reads_only_its_own(mesh):
        return None
    return Fault("absent", f"policies for Service {found.namespace}/{found.name} belong into namespace {found.namespace}")


def _of_entry(mesh: Mesh, policy: Resource[Any], ref: TargetRef) -> Fault | None:
    if support.status("targets-of-service-entries", "waypoint", mesh.target.istio) == "rejected":
        return Fault("version", "targetRefs name ServiceEntries only from 1.24 on")
    entry = mesh.find(ServiceEntry, policy.namespace, ref.name, policy.file)
    if entry is None:
        return _absent(mesh, policy, str(Ref("ServiceEntry", "", policy.namespace, ref.name)), ServiceEntry)
    return _of_bound(mesh, policy, entry)


def _of_bound(mesh: Mesh, policy: Resource[Any], target: Resource[Any]) -> Fault | None:
    found = waypoints.binding(mesh, target)
    if found is None:
        return Fault("unbound", f"{target.kind} {target.name} is bound to no waypoint")
    if found.fault:
        case = "agentgateway" if _is_agentgateway(found) else "faulty"
        return Fault(case, f"the waypoint of {target.kind} {target.name} does not work: {found.fault}")
    if found.namespace != policy.namespace and _reads_only_its_own(mesh):
        return Fault("version", f"before 1.24 it has to lie in the waypoint's namespace {found.namespace}")
    return None


def _reads_only_its_own(mesh: Mesh) -> bool:
    """Whether waypoints read what lies in their own namespace alone."""
    return support.status("read-in-own-namespace", "waypoint", mesh.target.istio) == "unsupported"


def _is_agentgateway(found: Binding) -> bool:
    return found.gateway is not None and found.gateway.body.spec.gateway_class_name == AGENTGATEWAY


def _of_gateway(mesh: Mesh, policy: Resource[Any], ref: TargetRef) -> Fault | None:
    gateway = mesh.find(Gateway, policy.namespace, ref.name, policy.file)
    if gateway is None:
        return _absent(mesh, policy, str(Ref("Gateway", "", policy.namespace, ref.name)), Gateway)
    if gateway.body.spec.gateway_class_name == AGENTGATEWAY:
        return Fault("agentgateway", f"Gateway {ref.name} is of class {AGENTGATEWAY}, which applies none of Istio's policies")
    if not waypoints.is_waypoint(gateway.body):
        return None
    foreign = [each for each in served(mesh, gateway) if each.namespace != gateway.namespace]
    is_lost = support.status("policies-of-a-gateway", "waypoint", mesh.target.istio) == "ignored"
    if foreign and is_lost and isinstance(policy.body, AuthorizationPolicy | RequestAuthentication):
        names = ", ".join(f"{each.namespace}/{each.name}" for each in foreign[:3])
        return Fault("foreign", f"1.24 does not apply it to Services of other namespaces behind Gateway {ref.name}: {names}")
    return None


def _of_class(mesh: Mesh, policy: Resource[Any], ref: TargetRef) -> Fault | None:
    root = meshconfig.root_namespace(mesh)
    if support.status("policies-for-all-waypoints", "waypoint", mesh.target.istio) == "rejected":
        return Fault("version", "targetRefs name a GatewayClass only from 1.25 on")
    if policy.namespace != root:
        return Fault("class", f"targetRefs kind GatewayClass counts in the root namespace {root} only")
    if ref.name == AGENTGATEWAY:
        return Fault("agentgateway", f"waypoints of class {AGENTGATEWAY} apply none of Istio's policies")
    return None if ref.name == waypoints.CLASS else Fault("class", f"GatewayClass {ref.name} is no class of waypoints")


def _absent(mesh: Mesh, policy: Resource[Any], words: str, kind: type) -> Fault:
    """Missing, or only not in the input: files that show no Service of the namespace do not say that it is missing."""
    is_seen = mesh.is_whole(Service, policy.namespace) or bool(mesh.within(Service, policy.namespace))
    if kind is Service and not is_seen:
        return Fault("unseen", f"{words} is not in the input")
    return Fault("absent", f"there is no {words}")


def served(mesh: Mesh, gateway: Resource[Gateway]) -> tuple[Resource[Any], ...]:
    """The Services and ServiceEntries that a waypoint serves."""
    return mesh.index(_served).get(id(gateway), ())


def _served(mesh: Mesh) -> dict[int, tuple[Resource[Any], ...]]:
    found: dict[int, list[Resource[Any]]] = {}
    for target in (*mesh.of(Service), *mesh.of(ServiceEntry)):
        asked = waypoints.binding(mesh, target)
        if asked and asked.gateway and not asked.fault and not _is_headless(target):
            found.setdefault(id(asked.gateway), []).append(target)
    return {key: tuple(members) for key, members in found.items()}


def _is_headless(target: Resource[Any]) -> bool:
    return isinstance(target.body, Service) and hosts.is_headless(target)


def attached(mesh: Mesh, target: Resource[Any], kind: type[Any] = AuthorizationPolicy) -> tuple[Resource[Any], ...]:
    """The policies of a kind that a waypoint applies to a Service or ServiceEntry; none if it has no waypoint."""
    asked = waypoints.binding(mesh, target)
    if asked is None or asked.fault or asked.gateway is None:
        return ()
    own, gateway = (target.kind, target.namespace, target.name), asked.gateway
    named = _naming(mesh, kind, own, ("Gateway", gateway.namespace, gateway.name), ("GatewayClass", "", waypoints.CLASS))
    names = set(_names_of(target, gateway))
    return tuple(each for each in named if not names.isdisjoint(_working(mesh, each)))


def _naming(mesh: Mesh, kind: type[Any], *wanted: Named) -> list[Resource[Any]]:
    """The policies of a kind that name any of these, in order of file."""
    index = mesh.once(_by_ref, kind)
    found = {number: policy for each in wanted for number, policy in index.get(each, ())}
    return [found[number] for number in sorted(found)]


def _by_ref(mesh: Mesh, kind: type[Any]) -> dict[Named, tuple[tuple[int, Resource[Any]], ...]]:
    """The policies of a kind with their numbers by what their targetRefs name."""
    refs = ((number, policy, ref) for number, policy in enumerate(mesh.of(kind)) for _, ref in targets(policy))
    return grouped((_named(policy, ref), (number, policy)) for number, policy, ref in refs)


def _named(policy: Resource[Any], ref: TargetRef) -> Named:
    return ref.kind, "" if ref.kind == "GatewayClass" else policy.namespace, ref.name


def _working(mesh: Mesh, policy: Resource[Any]) -> dict[Named, None]:
    """What those targetRefs of a policy name that something enforces."""
    return mesh.once(_enforced, policy)


def _enforced(mesh: Mesh, policy: Resource[Any]) -> dict[Named, None]:
    return {_named(policy, ref): None for _, ref in targets(policy) if fault(mesh, policy, ref) is None}


def reached(mesh: Mesh, policy: Resource[Any]) -> Iterator[Resource[Any]]:
    """The Services and ServiceEntries to which waypoints apply a policy."""
    index = mesh.index(_served_by_name)
    found = {number: target for name in _working(mesh, policy) for number, target in index.get(name, ())}
    yield from (found[number] for number in sorted(found))


def _served_by_name(mesh: Mesh) -> dict[Named, tuple[tuple[int, Resource[Any]], ...]]:
    """What waypoints serve, numbered, by every name by which a targetRef can mean it."""
    pairs = ((target, gateway) for gateway in waypoints.waypoints(mesh) for target in served(mesh, gateway))
    return grouped((name, (number, pair[0])) for number, pair in enumerate(pairs) for name in _names_of(*pair))


def _names_of(target: Resource[Any], gateway: Resource[Gateway]) -> Iterator[Named]:
    yield target.kind, target.namespace, target.name
    yield "Gateway", gateway.namespace, gateway.name
    yield "GatewayClass", "", waypoints.CLASS


def prepared(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[AuthorizationPolicy], ...]:
    """The AuthorizationPolicies that name a Service, bound to its waypoint yet or not."""
    return tuple(_naming(mesh, AuthorizationPolicy, ("Service", service.namespace, service.name)))


def applied(mesh: Mesh) -> Mapping[int, tuple[Resource[AuthorizationPolicy], ...]]:
    """The AuthorizationPolicies that waypoints apply, by the identity of the Service or ServiceEntry."""
    return mesh.index(_applied)


def _applied(mesh: Mesh) -> dict[int, tuple[Resource[AuthorizationPolicy], ...]]:
    bound = [target for gateway in waypoints.waypoints(mesh) for target in served(mesh, gateway)]
    return {id(target): attached(mesh, target) for target in bound}
