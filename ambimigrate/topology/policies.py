"""Which workloads and Services a policy without targetRefs means: by selector, namespace-wide, or from the root.

Pods of gateways keep their proxy and are never among the workloads. Istio, pilot/pkg/model/policyattachment.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, Deployment, Gateway, IstioGateway, Service, TargetRef
from ambimigrate.model import Mesh, Resource, Route
from ambimigrate.topology import gatewaypods, hosts, injection, meshconfig, waypoints
from ambimigrate.topology.workloads import Workload, in_namespace, matches, selected, services_in_front

GATEWAY_NAMES = ("gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name")
TARGETS, SELECTOR, NAMESPACE, ROOT = "targets", "selector", "namespace", "root"


class Scope(Struct, frozen=True, eq=False):
    """What a policy means: application workloads of the mesh, the Services in front of them, and words for the pods."""

    form: str
    workloads: tuple[Workload, ...]
    services: tuple[Resource[Service], ...]
    words: str
    concerns: bool  # whether it means any pod that becomes ambient, as far as the input shows


NOTHING = Scope(TARGETS, (), (), "", concerns=False)


def targets(policy: Resource[Any]) -> tuple[tuple[Route, TargetRef], ...]:
    """The targetRefs of a policy with their routes, the older single `targetRef` first."""
    spec = policy.body.spec
    single = getattr(spec, "target_ref", None)
    found = [(("spec", "targetRef"), single)] if single else []
    return (*found, *((("spec", "targetRefs", i), ref) for i, ref in enumerate(getattr(spec, "target_refs", ()))))


def selector(policy: Resource[Any]) -> Mapping[str, str]:
    """The labels that a policy selects pods by; empty for all pods."""
    spec = policy.body.spec
    older = getattr(spec, "workload_selector", None)
    if older is not None:
        return older.labels  # type: ignore[no-any-return]
    found = getattr(spec, "selector", None)
    return found.match_labels if found is not None else {}


def selector_route(policy: Resource[Any]) -> Route:
    """Where it says which pods it means, else its name."""
    older = getattr(policy.body.spec, "workload_selector", None)
    return ("spec", "workloadSelector" if older else "selector") if selector(policy) else ("metadata", "name")


def form(mesh: Mesh, policy: Resource[Any]) -> str:
    """How a policy says what it means: targets, selector, namespace, or root (no selector, root namespace)."""
    if targets(policy):
        return TARGETS
    if selector(policy):
        return SELECTOR
    return ROOT if is_root(mesh, policy) else NAMESPACE


def is_root(mesh: Mesh, policy: Resource[Any]) -> bool:
    """Whether the policy lies in the root namespace, hence holds in all namespaces."""
    return policy.namespace == meshconfig.root_namespace(mesh)


def scope(mesh: Mesh, policy: Resource[Any]) -> Scope:
    """What a policy means; nothing for one with targetRefs."""
    return mesh.once(_scope, policy)


def _scope(mesh: Mesh, policy: Resource[Any]) -> Scope:
    shape = form(mesh, policy)
    if shape == TARGETS:
        return NOTHING
    labels = selector(policy)
    found = namespaces(mesh, policy)
    matched = [each for namespace in found for each in selected(mesh, namespace, labels)]
    members = tuple(each for each in matched if becomes_ambient(mesh, each))
    services = _services(mesh, found, labels, members, is_seen=bool(matched))
    concerns = bool(members) or (not matched and _may_concern(mesh, found, labels))
    return Scope(shape, members, services if concerns else (), _words(shape, policy, labels, members), concerns)


def namespaces(mesh: Mesh, policy: Resource[Any]) -> tuple[str, ...]:
    """The namespaces in which a policy holds."""
    return tuple(injection.namespaces(mesh)) if is_root(mesh, policy) else (policy.namespace,)


def _may_concern(mesh: Mesh, found: Iterable[str], labels: Mapping[str, str]) -> bool:
    """Whether a policy that selects no workload of the input can mean pods outside of it (a cluster shows all)."""
    found = [each for each in found if not mesh.is_whole(Deployment, each)]
    if is_of_gateways(mesh, labels):
        return False
    meshed = [each for each in found if is_meshed(mesh, each)]
    return any(labels or not _is_gateways_only(mesh, each) for each in meshed)


def _is_gateways_only(mesh: Mesh, namespace: str) -> bool:
    """A namespace without workloads in the input that holds Gateways and no Services is one of gateways."""
    return bool(mesh.within(IstioGateway, namespace)) and not mesh.within(Service, namespace)


def _services(
    mesh: Mesh, found: Iterable[str], labels: Mapping[str, str], members: tuple[Workload, ...], *, is_seen: bool
) -> tuple[Resource[Service], ...]:
    """The Services in front of the workloads, or those with such a selector where no workload was read."""
    if is_seen:
        return services_in_front(mesh, members)
    wanted = (namespace for namespace in found if is_meshed(mesh, namespace))
    return tuple(each for each in mesh.within(Service, *wanted) if _selects(each, labels))


def _selects(service: Resource[Service], labels: Mapping[str, str]) -> bool:
    own = service.body.spec.selector
    return bool(own) and matches(labels, own)


def becomes_ambient(mesh: Mesh, workload: Workload) -> bool:
    """Whether pods of an application are captured by ztunnel, now or once their namespace is ambient."""
    return id(workload) in mesh.index(_captured)


def _captured(mesh: Mesh) -> frozenset[int]:
    gateways = gatewaypods.members(mesh)
    found: set[int] = set()
    for namespace in injection.namespaces(mesh):
        members = in_namespace(mesh, namespace)
        if members and is_meshed(mesh, namespace):
            left = (each for each in members if each.labels.get(injection.MODE) != "none" and id(each) not in gateways)
            found.update(id(each) for each in left if not each.pod.host_network)
    return frozenset(found)


def is_meshed(mesh: Mesh, namespace: str) -> bool:
    """Whether the namespace takes part in the mesh in either data plane; asked for often, so it is kept."""
    return mesh.once(injection.is_meshed, namespace)


def is_of_gateways(mesh: Mesh, labels: Mapping[str, str]) -> bool:
    """Whether labels are those of gateway pods although no such pods were read."""
    if any(name in labels for name in GATEWAY_NAMES) or "gateway" in labels.get("istio", ""):
        return True
    if any(value.startswith("istio-") and "gateway" in value for value in labels.values()):
        return True
    chosen = gatewaypods.selectors(mesh) if labels else ()
    return any(matches(one, labels) or matches(labels, one) for one in chosen)


def waypoint_of_labels(mesh: Mesh, policy: Resource[Any]) -> Resource[Gateway] | None:
    """The waypoint whose pods the selector of a policy means, if any."""
    for label in GATEWAY_NAMES:
        name = selector(policy).get(label)
        if name:
            found = mesh.find(Gateway, policy.namespace, name, policy.file)
            return found if found and waypoints.is_waypoint(found.body) else None
    return None


def _words(shape: str, policy: Resource[Any], labels: Mapping[str, str], members: tuple[Workload, ...]) -> str:
    if shape == ROOT:
        return "every pod of the mesh"
    if shape == NAMESPACE:
        return f"every pod of namespace {policy.namespace}" if policy.namespace else "every pod of its namespace"
    if members:
        return listed(sorted(str(each) for each in members))
    return "pods with " + ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))


def listed(names: Iterable[str]) -> str:
    """Some names for a sentence: `a, b, c and 4 more`."""
    found = list(dict.fromkeys(names))
    return ", ".join(found) if len(found) <= 3 else f"{', '.join(found[:3])} and {len(found) - 3} more"


def overlap(mesh: Mesh, left: Resource[Any], right: Resource[Any]) -> bool:
    """Whether two policies without targetRefs mean a pod in common, as far as the input shows."""
    if left.namespace != right.namespace and not is_root(mesh, left) and not is_root(mesh, right):
        return False
    one, other = scope(mesh, left), scope(mesh, right)
    if not one.concerns or not other.concerns or set(namespaces(mesh, left)).isdisjoint(namespaces(mesh, right)):
        return False
    if one.workloads and other.workloads:
        return not set(map(id, one.workloads)).isdisjoint(map(id, other.workloads))
    wanted, found = selector(left), selector(right)
    return all(found[key] == value for key, value in wanted.items() if key in found)


def is_ambient(mesh: Mesh, policy: Resource[Any]) -> bool:
    """Whether all the workloads that a policy means are ambient already."""
    members = scope(mesh, policy).workloads
    return bool(members) and all(injection.workload_mode(mesh, each) == injection.AMBIENT for each in members)


def needing(services: Iterable[Resource[Service]]) -> tuple[str, ...]:
    """The names of the Services that can have a waypoint, as hits name them."""
    return tuple(f"{each.namespace}/{each.name}" for each in services if can_be_bound(each))


def named(target: Resource[Any]) -> str:
    """The name of an object for a sentence, with its namespace if that is known."""
    return f"{target.namespace}/{target.name}" if target.namespace else target.name


def can_be_bound(service: Resource[Service]) -> bool:
    """Whether a waypoint can stand in front of the Service: it has an address of its own."""
    return not hosts.is_headless(service) and service.body.spec.type != "ExternalName"


def by_service(mesh: Mesh) -> Mapping[int, tuple[Resource[AuthorizationPolicy], ...]]:
    """The AuthorizationPolicies without targetRefs that mean pods behind a Service, by the identity of the Service."""
    return mesh.index(_by_service)


def _by_service(mesh: Mesh) -> dict[int, tuple[Resource[AuthorizationPolicy], ...]]:
    found: dict[int, list[Resource[AuthorizationPolicy]]] = {}
    for policy in mesh.of(AuthorizationPolicy):
        for service in scope(mesh, policy).services:
            found.setdefault(id(service), []).append(policy)
    return {key: tuple(policies) for key, policies in found.items()}
