"""Which security objects hang on a Service or its waypoint by targetRefs, and which select the pods behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ambimigrate.kinds import AuthorizationPolicy, RequestAuthentication, Service, WasmPlugin
from ambimigrate.kinds.security import Operation, Rule, Source
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import meshconfig, reach, waypoints
from ambimigrate.topology.workloads import behind, matches

L4_KEYS = {"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"}
KINDS: tuple[type[Any], ...] = (AuthorizationPolicy, RequestAuthentication, WasmPlugin)


def policies(mesh: Mesh, target: Resource[Any]) -> tuple[Resource[Any], ...]:
    """The policies that target the Service or ServiceEntry, or the Gateway of the waypoint that serves it."""
    found = waypoints.binding(mesh, target)
    index = mesh.index(_by_target)
    own = index.get((target.kind, target.namespace, target.name), ())
    if found is None or found.fault is not None:
        return own
    return (*own, *index.get(("Gateway", found.namespace, found.name), ()))


def _by_target(mesh: Mesh) -> Mapping[reach.Named, tuple[Resource[Any], ...]]:
    return grouped(_targeted(mesh))


def _targeted(mesh: Mesh) -> Iterator[tuple[reach.Named, Resource[Any]]]:
    for kind in KINDS:
        for policy in mesh.of(kind):
            spec = policy.body.spec
            for ref in (*spec.target_refs, *((spec.target_ref,) if spec.target_ref else ())):
                yield (ref.kind, ref.namespace or policy.namespace, ref.name), policy


def l7_selecting(mesh: Mesh, service: Resource[Service]) -> tuple[Resource[Any], ...]:
    """The policies by selector about the Service's pods that only an HTTP proxy carries out."""
    pods = behind(mesh, service)
    found = []
    places = dict.fromkeys((service.namespace, meshconfig.root_namespace(mesh)))
    for policy in (each for namespace in places for each in _l7(mesh, namespace)):
        selector = policy.body.spec.selector.match_labels if policy.body.spec.selector else {}
        if not selector or any(matches(selector, each.labels) for each in pods):
            found.append(policy)
    return tuple(found)


def _l7(mesh: Mesh, namespace: str) -> tuple[Resource[Any], ...]:
    return mesh.index(_l7_by_namespace).get(namespace, ())


def _l7_by_namespace(mesh: Mesh) -> Mapping[str, tuple[Resource[Any], ...]]:
    """The policies without targets that only an HTTP proxy carries out."""
    all_ = (policy for kind in KINDS for policy in mesh.of(kind))
    loose = (each for each in all_ if not each.body.spec.target_refs and not each.body.spec.target_ref)
    return grouped((each.namespace, each) for each in loose if is_l7(each))


def is_l7(policy: Resource[Any]) -> bool:
    """Whether only an HTTP proxy carries a policy out as it stands."""
    if not isinstance(policy.body, AuthorizationPolicy):
        return True
    return policy.body.spec.action == "CUSTOM" or any(is_l7_rule(rule) for rule in policy.body.spec.rules or ())


def is_l7_rule(rule: Rule) -> bool:
    """Whether a rule asks for something that only an HTTP proxy knows (pitfalls: the L7 attribute set)."""
    return (
        any(_is_l7_source(each.source) for each in rule.from_ if each.source)
        or any(_is_l7_operation(each.operation) for each in rule.to if each.operation)
        or any(each.key not in L4_KEYS for each in rule.when)
    )


def _is_l7_source(source: Source) -> bool:
    return bool(
        source.request_principals or source.not_request_principals or source.remote_ip_blocks or source.not_remote_ip_blocks
    )


def _is_l7_operation(operation: Operation) -> bool:
    said = (operation.hosts, operation.not_hosts, operation.methods, operation.not_methods)
    return any(said) or bool(operation.paths or operation.not_paths)
