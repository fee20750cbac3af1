"""Which policies bind the sidecar of a workload, and which the filter chain of a Service at a waypoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from ambimigrate.kinds import AuthorizationPolicy, Gateway, Object, PeerAuthentication, RequestAuthentication, ServiceEntry
from ambimigrate.kinds.security import AuthorizationPolicySpec, JWTRule, RequestAuthenticationSpec
from ambimigrate.kinds.shared import TargetRef
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.semantics.authz.model import Called
from ambimigrate.topology import waypoints
from ambimigrate.topology.meshconfig import root_namespace
from ambimigrate.topology.workloads import Workload, matches
from ambimigrate.versions import at_least

Policy = TypeVar("Policy", bound=Object)
Targeted = TypeVar("Targeted", AuthorizationPolicy, RequestAuthentication)
STRICT, PERMISSIVE, DISABLE, UNSET = "STRICT", "PERMISSIVE", "DISABLE", "UNSET"


def living_in(mesh: Mesh, kind: type[Policy], *namespaces: str) -> tuple[Resource[Policy], ...]:
    """The policies of a kind in these namespaces, each once."""
    found = mesh.index(_by_namespace(kind))
    return tuple(each for namespace in dict.fromkeys(namespaces) for each in found.get(namespace, ()))


@cache
def _by_namespace(kind: type[Object]) -> Callable[[Mesh], dict[str, tuple[Resource[Any], ...]]]:
    def build(mesh: Mesh) -> dict[str, tuple[Resource[Any], ...]]:
        return grouped((each.namespace, each) for each in mesh.of(kind))

    return build


def of_workload(mesh: Mesh, kind: type[Targeted], workload: Workload) -> tuple[Resource[Targeted], ...]:
    """The policies of a server's sidecar: without targetRefs, of its namespace or the root one, selecting its pods."""
    return mesh.once(_binding(kind), workload)


@cache
def _binding(kind: type[Targeted]) -> Callable[[Mesh, Workload], tuple[Resource[Any], ...]]:
    def answer(mesh: Mesh, workload: Workload) -> tuple[Resource[Any], ...]:
        return tuple(
            each
            for each in living_in(mesh, kind, workload.namespace, root_namespace(mesh))
            if not target_refs(each.body.spec)
            and (each.body.spec.selector is None or matches(each.body.spec.selector.match_labels, workload.labels))
        )

    return answer


def of_service(mesh: Mesh, kind: type[Targeted], service: Called, gateway: Resource[Gateway]) -> tuple[Resource[Targeted], ...]:
    """The policies of a Service's (or ServiceEntry's) filter chain at its waypoint."""
    known = mesh.index(_at_services)
    key = kind, service, gateway
    if key not in known:
        known[key] = tuple(
            each
            for each in living_in(mesh, kind, service.namespace, gateway.namespace, root_namespace(mesh))
            if any(_binds(mesh, each.namespace, ref, service, gateway) for ref in target_refs(each.body.spec))
        )
    return known[key]


def _at_services(_mesh: Mesh) -> dict[Any, tuple[Resource[Any], ...]]:
    return {}


def _binds(mesh: Mesh, namespace: str, ref: TargetRef, service: Called, gateway: Resource[Gateway]) -> bool:
    version = mesh.target.istio
    match ref.kind:
        case "Service":
            home = service.namespace if at_least(version, "1.24.0") else gateway.namespace
            is_meant = ref.group in {"", "core"} and (ref.kind, ref.name) == (service.kind, service.name)
            return is_meant and namespace == service.namespace == home
        case "ServiceEntry":
            # From 1.24 on, with a waypoint of another namespace as well (observed-1.24-1.27.md 62).
            is_meant = ref.group == ServiceEntry.GROUP and (ref.kind, ref.name) == (service.kind, service.name)
            return is_meant and namespace == service.namespace and at_least(version, "1.24.0")
        case "Gateway":
            # 1.24 looks into the Service's namespace only (observed-1.24-1.27.md 2).
            home = service.namespace if version.line == (1, 24) else gateway.namespace
            return ref.name == gateway.name and namespace == home
        case "GatewayClass":
            wanted = ref.name == waypoints.CLASS and namespace == root_namespace(mesh)
            return wanted and at_least(version, "1.25.0")
    return False


def target_refs(spec: AuthorizationPolicySpec | RequestAuthenticationSpec) -> tuple[TargetRef, ...]:
    return spec.target_refs or ((spec.target_ref,) if spec.target_ref else ())


def token_rules(policies: Iterable[Resource[RequestAuthentication]]) -> tuple[JWTRule, ...]:
    """The rules of several RequestAuthentications, which add up."""
    return tuple(rule for each in policies for rule in each.body.spec.jwt_rules)


def mtls_mode(mesh: Mesh, workload: Workload, port: int) -> str:
    """What a sidecar demands of connections to a port of its workload: STRICT, PERMISSIVE or DISABLE."""
    by_port, of_others = mesh.once(_modes, workload)
    return by_port.get(str(port), of_others)


def _modes(mesh: Mesh, workload: Workload) -> tuple[Mapping[str, str], str]:
    """What is demanded at ports that a policy names, and at all others."""
    root = root_namespace(mesh)
    own = _oldest_first(mesh, workload.namespace) if workload.namespace != root else []
    selecting = next((each for each in own if _selects(each, workload)), None)
    wide = (next((each for each in found if not _has_selector(each)), None) for found in (own, _oldest_first(mesh, root)))
    said = (each.body.spec.mtls.mode for each in (selecting, *wide) if each is not None and each.body.spec.mtls)
    ports = selecting.body.spec.port_level_mtls if selecting is not None else {}
    by_port = {port: each.mode for port, each in ports.items() if each.mode != UNSET}
    return by_port, next((mode for mode in said if mode != UNSET), PERMISSIVE)


def _oldest_first(mesh: Mesh, namespace: str) -> list[Resource[PeerAuthentication]]:
    found = living_in(mesh, PeerAuthentication, namespace)
    return sorted(found, key=lambda each: (each.body.metadata.creation_timestamp or "", each.name))


def _has_selector(policy: Resource[PeerAuthentication]) -> bool:
    selector = policy.body.spec.selector
    return selector is not None and bool(selector.match_labels)


def _selects(policy: Resource[PeerAuthentication], workload: Workload) -> bool:
    selector = policy.body.spec.selector
    return selector is not None and _has_selector(policy) and matches(selector.match_labels, workload.labels)
