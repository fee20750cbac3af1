"""Which Services are or will be behind a waypoint, and as whom that waypoint calls the pods."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate import support
from ambimigrate.kinds import (
    AuthorizationPolicy,
    GRPCRoute,
    HTTPRoute,
    RequestAuthentication,
    Service,
    VirtualService,
    WasmPlugin,
)
from ambimigrate.kinds.security import Condition, Rule, Source
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts, injection, trust, waypoints, ztunnel
from ambimigrate.topology.policies import can_be_bound, is_meshed, scope
from ambimigrate.topology.virtualservices import features, is_of_mesh

PLANNED = "waypoint"  # the name that istioctl and we give to a waypoint
ACCOUNT = "gateway.istio.io/service-account"
NAME = "gateway.istio.io/name-override"


class Front(Struct, frozen=True, eq=False):
    """A Service behind a waypoint: the waypoint's namespace and service account, and why there is or will be one."""

    service: Resource[Service]
    namespace: str
    account: str
    reason: str
    is_bound: bool

    def principals(self, mesh: Mesh) -> tuple[str, ...]:
        """The waypoint's identity as policies write it."""
        domains = dict.fromkeys((trust.own(mesh), trust.DEFAULT))
        return tuple(f"{each}/ns/{self.namespace}/sa/{self.account}" for each in domains)

    def __str__(self) -> str:
        return f"waypoint {self.namespace}/{self.account}" if self.is_bound else f"the waypoint of {self.service.name}"


def fronts(mesh: Mesh, services: Iterable[Resource[Service]]) -> Iterator[Front]:
    """Those of the Services that are behind a waypoint or need one."""
    for service in services:
        found = front(mesh, service)
        if found:
            yield found


def front(mesh: Mesh, service: Resource[Service]) -> Front | None:
    """The waypoint of a Service, bound or needed; asked for often, so it is kept."""
    return mesh.once(_front, service)


def _front(mesh: Mesh, service: Resource[Service]) -> Front | None:
    if not can_be_bound(service):
        return None
    asked = waypoints.binding(mesh, service)
    if asked and asked.gateway and not asked.fault:
        own = asked.gateway.body.metadata.annotations
        account = own.get(ACCOUNT) or own.get(NAME) or asked.name
        return Front(service, asked.namespace, account, "it is bound", is_bound=True)
    reason = mesh.index(_needs).get(id(service))
    return Front(service, service.namespace, PLANNED, reason, is_bound=False) if reason else None


def _needs(mesh: Mesh) -> dict[int, str]:
    found: dict[int, str] = {}
    for service, reason in _reasons(mesh):
        if is_meshed(mesh, service.namespace):
            found.setdefault(id(service), reason)
    return found


def _reasons(mesh: Mesh) -> Iterator[tuple[Resource[Service], str]]:
    yield from _routed(mesh)
    for policy in mesh.of(AuthorizationPolicy):
        if ztunnel.uses_l7(policy.body) or policy.body.spec.action == "CUSTOM":
            yield from ((each, str(policy.ref)) for each in scope(mesh, policy).services)
    others: tuple[Resource[Any], ...] = (*mesh.of(RequestAuthentication), *mesh.of(WasmPlugin))
    for other in others:
        yield from ((each, str(other.ref)) for each in scope(mesh, other).services)


def _routed(mesh: Mesh) -> Iterator[tuple[Resource[Service], str]]:
    for vs in mesh.of(VirtualService):
        if is_of_mesh(vs.body) and features(vs.body):
            for host in vs.body.spec.hosts:
                yield from ((each, str(vs.ref)) for each in hosts.services(mesh, host, vs.namespace, vs.file))
    routes: tuple[Resource[Any], ...] = (*mesh.of(HTTPRoute), *mesh.of(GRPCRoute))
    for route in routes:
        for parent in route.body.spec.parent_refs:
            found = mesh.find(Service, parent.namespace or route.namespace, parent.name, route.file)
            if parent.kind == "Service" and found:
                yield found, str(route.ref)


def takes_ingress(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether ingress gateways send requests for the Service to its waypoint: by its own label (1.24), or its namespace's."""
    own = service.body.metadata.labels.get(waypoints.INGRESS_USE)
    if own is not None:
        return own == "true" and support.status("ingress-to-waypoint", "gateway", mesh.target.istio) == "stable"
    wide = injection.labels(mesh, service.namespace).get(waypoints.INGRESS_USE)
    return wide == "true" and support.status("ingress-to-waypoint-by-namespace", "gateway", mesh.target.istio) == "stable"


def meets(rule: Rule, front: Front, mesh: Mesh) -> bool:
    """Whether the sources of a rule cover the waypoint's identity (ports and what ztunnel drops are left aside)."""
    sources = [each.source for each in rule.from_ if each.source]
    if sources and not any(_source_meets(each, front, mesh) for each in sources):
        return False
    return all(_condition_meets(each, front, mesh) for each in rule.when)


def _source_meets(source: Source, front: Front, mesh: Mesh) -> bool:
    principals = front.principals(mesh)
    accounts = (f"{front.namespace}/{front.account}",)
    own = (f"{front.service.namespace}/{each}" if "/" not in each else each for each in source.service_accounts)
    return (
        _covers(source.principals, principals)
        and _covers(source.namespaces, (front.namespace,))
        and _covers(tuple(own), accounts)
        and _holds_address(source.ip_blocks)
        and not (source.not_principals and _covers(source.not_principals, principals))
        and not (source.not_namespaces and _covers(source.not_namespaces, (front.namespace,)))
        and not (source.not_service_accounts and _covers(source.not_service_accounts, accounts))
        and not (source.not_ip_blocks and _holds_address(source.not_ip_blocks))
    )


def _condition_meets(condition: Condition, front: Front, mesh: Mesh) -> bool:
    known = {"source.principal": front.principals(mesh), "source.namespace": (front.namespace,)}
    values = known.get(condition.key)
    if values is not None:
        denied = condition.not_values and _covers(condition.not_values, values)
        return _covers(condition.values, values) and not denied
    if condition.key == "source.ip":
        return _holds_address(condition.values) and not (condition.not_values and _holds_address(condition.not_values))
    return True


def _covers(patterns: Iterable[str], values: Iterable[str]) -> bool:
    """Whether no pattern is there, or one (exact, prefix*, *suffix, *) covers one of the values."""
    found = tuple(patterns)
    return not found or any(_matches(pattern, value) for pattern in found for value in values)


def _matches(pattern: str, value: str) -> bool:
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value.endswith(pattern[1:]) if pattern.startswith("*") else value == pattern


def _holds_address(blocks: Iterable[str]) -> bool:
    """Whether blocks can be taken to hold the waypoint's address: a private network of /16 or wider, or all."""
    found = tuple(blocks)
    return not found or any(_is_wide(block) for block in found)


def _is_wide(block: str) -> bool:
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError:
        return False
    return network.prefixlen == 0 or (network.is_private and network.prefixlen <= 16 and network.version == 4)


def identity(rule: Rule) -> tuple[str, ...]:
    """The fields by which a rule asks who the direct caller is."""
    return tuple(dict.fromkeys(_identity(rule)))


def _identity(rule: Rule) -> Iterator[str]:
    for each in rule.from_:
        if each.source:
            yield from (name for field, name in ztunnel.L4_SOURCE.items() if getattr(each.source, field))
    yield from (each.key for each in rule.when if each.key in {"source.ip", "source.namespace", "source.principal"})
