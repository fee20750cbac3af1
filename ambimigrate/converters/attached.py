"""What else applies to the workloads of a namespace and has no ambient form yet: it holds the namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.changes import Held
from ambimigrate.converters.outcome import Refused, held
from ambimigrate.kinds import (
    AuthorizationPolicy,
    DestinationRule,
    EnvoyFilter,
    RequestAuthentication,
    Service,
    TrafficExtension,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, injection, meshconfig, ztunnel
from ambimigrate.topology.workloads import Workload, behind, in_namespace, matches

_SOURCES = ("from", "source.")
_WORDS: dict[type[Any], tuple[str, str]] = {
    RequestAuthentication: (
        "RA901",
        "tokens are validated by sidecars; ztunnel does not, and the twin for the waypoint is not made yet",
    ),
    WasmPlugin: (
        "EX901",
        "the plugin runs in sidecars; ztunnel does not load it, and the twin for the waypoint is not made yet",
    ),
    TrafficExtension: (
        "EX901",
        "the extension runs in sidecars; ztunnel does not load it, and the twin for the waypoint is not made yet",
    ),
}


def holding(mesh: Mesh, namespace: str) -> Iterator[Held]:
    """Every object that applies to workloads of the namespace and that convert cannot translate yet."""
    for policy in mesh.of(AuthorizationPolicy):
        if _applies(mesh, policy, namespace, _selector(policy)) and (refused := _policy(policy, mesh)):
            yield held(mesh, policy, "AP901", refused, namespace)
    for kind, (rule, reason) in _WORDS.items():
        for each in mesh.of(kind):
            if _applies(mesh, each, namespace, _selector(each)):
                yield held(mesh, each, rule, Refused("default", ("spec",), reason), namespace)
    for filter_ in mesh.of(EnvoyFilter):
        own = filter_.body.spec
        labels = own.workload_selector.labels if own.workload_selector else {}
        if _of_sidecars(own.config_patches) and _applies(mesh, filter_, namespace, labels):
            reason = "it patches sidecars; neither ztunnel nor, by default, a waypoint takes the patch"
            yield held(mesh, filter_, "EF901", Refused("default", ("spec",), reason), namespace)


def behind_waypoint(mesh: Mesh, namespace: str, services: Iterable[Resource[Service]]) -> Iterator[Held]:
    """The L4 policies that would judge the waypoint in place of the caller, once it stands in front of these Services."""
    members = {id(workload): workload for service in services for workload in behind(mesh, service)}
    for policy in mesh.of(AuthorizationPolicy):
        if _targeted(policy) or not ztunnel.is_sent(policy.body, mesh.target.istio):
            continue
        hit = [each for each in members.values() if _selects(mesh, policy, _selector(policy), each)]
        if hit and (route := _about_callers(policy.body)) is not None:
            reason = f"behind a waypoint {hit[0].name} sees the waypoint as the caller, not who called"
            yield held(mesh, policy, "AP902", Refused("default", route, reason), namespace)


def subsets(mesh: Mesh, namespace: str, own: Iterable[Resource[VirtualService]]) -> Iterator[Held]:
    """The DestinationRules of the namespace whose subsets its VirtualServices of the mesh name."""
    named = {
        (hosts.full_name(each.destination.host, vs.namespace), each.destination.subset)
        for vs in own
        for rule in vs.body.spec.http
        for each in rule.route
    }
    for rule in mesh.of(DestinationRule):
        host = hosts.full_name(rule.body.spec.host, rule.namespace)
        for i, subset in enumerate(rule.body.spec.subsets):
            if rule.namespace == namespace and (host, subset.name) in named:
                reason = f"subset {subset.name} has no Service of its own yet, and an HTTPRoute names Services only"
                yield held(mesh, rule, "DR901", Refused("default", ("spec", "subsets", i), reason))


def _about_callers(policy: AuthorizationPolicy) -> tuple[str | int, ...] | None:
    for i, rule in enumerate(policy.spec.rules or ()):
        if any(each.source is not None for each in rule.from_):
            return ("spec", "rules", i, "from")
        if any(each.key.startswith("source.") for each in rule.when):
            return ("spec", "rules", i, "when")
    return None


def _policy(policy: Resource[AuthorizationPolicy], mesh: Mesh) -> Refused | None:
    action = policy.body.spec.action
    if action == "CUSTOM":
        return Refused(
            "custom",
            ("spec", "action"),
            "ztunnel never asks an external authorizer, and the twin for the waypoint is not made yet",
        )
    if ztunnel.is_dry_run(policy.body) and not ztunnel.is_sent(policy.body, mesh.target.istio):
        return None
    for effect in ztunnel.effects(policy.body):
        if effect.l7 or effect.trust:
            names = ", ".join(effect.l7) or "trustDomains"
            return Refused(
                "l7", effect.first, f"ztunnel does not compare {names}, and the twin for the waypoint is not made yet"
            )
    return None


def _of_sidecars(patches: Iterable[Any]) -> bool:
    contexts = {(each.match or {}).get("context", "ANY") for each in patches}
    return bool(contexts - {"GATEWAY"})


def _selector(resource: Resource[Any]) -> Mapping[str, str]:
    selector = resource.body.spec.selector
    return selector.match_labels if selector else {}


def _targeted(resource: Resource[Any]) -> bool:
    spec = resource.body.spec
    return bool(getattr(spec, "target_refs", ()) or getattr(spec, "target_ref", None))


def _applies(mesh: Mesh, resource: Resource[Any], namespace: str, selector: Mapping[str, str]) -> bool:
    if _targeted(resource) or resource.namespace not in {namespace, meshconfig.root_namespace(mesh)}:
        return False
    members = [each for each in in_namespace(mesh, namespace) if not injection.is_gateway(each)]
    return any(_selects(mesh, resource, selector, each) for each in members) or (not members and not selector)


def _selects(mesh: Mesh, resource: Resource[Any], selector: Mapping[str, str], workload: Workload) -> bool:
    own = resource.namespace in {workload.namespace, meshconfig.root_namespace(mesh)}
    return own and matches(selector, workload.labels)
