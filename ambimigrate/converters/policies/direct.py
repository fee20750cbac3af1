"""Who is seen to call pods past their waypoint: gateways, sidecars that stay, callers outside the mesh, the API server, …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.converters.policies.targets import Subject
from ambimigrate.kinds import (
    APIService,
    CustomResourceDefinition,
    MutatingWebhookConfiguration,
    Service,
    ValidatingWebhookConfiguration,
    VirtualService,
)
from ambimigrate.kinds.admission import ServiceReference
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import callgraph, fronts, hosts, ingress, injection, reach
from ambimigrate.versions import at_least

GATEWAY, SIDECARS = "gateway", "sidecars"
SCRAPE = "prometheus.io/scrape"


class Direct(Struct, frozen=True):
    """A class of callers that no waypoint sees: which (gateway and sidecars are a matter of order), and in words."""

    kind: str
    words: str
    namespace: str = ""  # of callers with sidecars


def seen(mesh: Mesh, subject: Subject, moving: frozenset[str]) -> tuple[Direct, ...]:
    """The callers of the subject's pods that go past the waypoint once all that is moving has moved."""
    return tuple(dict.fromkeys(_seen(mesh, subject, moving)))


def _seen(mesh: Mesh, subject: Subject, moving: frozenset[str]) -> Iterator[Direct]:
    for service in (*subject.served, *subject.bare):
        yield from _of_service(mesh, service)
    for call in mesh.index(_by_callee).get(subject.namespace, ()):
        mode = injection.mode(mesh, call.caller)
        if mode in {injection.SIDECAR, injection.MIXED} and call.caller not in moving and call.caller != subject.namespace:
            yield Direct(SIDECARS, f"the sidecars of namespace {call.caller} ({call.ref})", call.caller)
        elif mode == injection.NONE and not call.guessed and not injection.is_system(mesh, call.caller):
            yield Direct("outside", f"namespace {call.caller}, which is not in the mesh ({call.ref})")
    scraped = next((each for each in subject.members if each.annotations.get(SCRAPE) == "true"), None)
    if scraped is not None:
        yield Direct("scraper", f"Prometheus, which {scraped} asks to scrape it")


def _by_callee(mesh: Mesh) -> Mapping[str, tuple[callgraph.Call, ...]]:
    return grouped((each.callee, each) for each in callgraph.calls(mesh))


def _of_service(mesh: Mesh, service: Resource[Service]) -> Iterator[Direct]:
    if hosts.is_headless(service):
        yield Direct("headless", f"callers of the headless Service {service.name}")
    if service.body.spec.type in {"LoadBalancer", "NodePort"}:
        yield Direct("balancer", f"whoever comes through the {service.body.spec.type} {service.name}")
    for name in mesh.index(_hooks).get((service.namespace, service.name), ()):
        yield Direct("webhook", f"the API server, for {name}")
    routes = ingress.to(mesh, service)
    if routes and not fronts.takes_ingress(mesh, service) and not can_take_ingress(mesh, service):
        yield Direct(GATEWAY, f"the gateway of {routes[0].ref}")


def can_take_ingress(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether gateways can go through the waypoint without being routed in another way (R23; 1.24+)."""
    if (
        not at_least(mesh.target.istio, "1.24.0")
        or reach.mesh_virtual_services(mesh, service)
        or reach.mesh_routes(mesh, service)
    ):
        return False
    return not any(_names_subset(each) for each in ingress.to(mesh, service))


def needs_ingress(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether a gateway in front has to be sent through the waypoint by a label."""
    routes = ingress.to(mesh, service)
    return bool(routes) and not fronts.takes_ingress(mesh, service) and can_take_ingress(mesh, service)


def _names_subset(route: Resource[object]) -> bool:
    if not isinstance(route.body, VirtualService):
        return False
    return any(each.destination.subset for rule in route.body.spec.http for each in rule.route)


def _hooks(mesh: Mesh) -> Mapping[tuple[str, str], tuple[str, ...]]:
    return grouped(((each.namespace, each.name), name) for name, each in _called(mesh))


def _called(mesh: Mesh) -> Iterator[tuple[str, ServiceReference]]:
    """The Services that the API server calls, and for what."""
    configs: tuple[Resource[Any], ...] = (*mesh.of(ValidatingWebhookConfiguration), *mesh.of(MutatingWebhookConfiguration))
    for config in configs:
        hooks = (each.client_config.service for each in config.body.webhooks)
        yield from ((str(config.ref), each) for each in hooks if each)
    yield from ((str(api.ref), api.body.spec.service) for api in mesh.of(APIService) if api.body.spec.service)
    for definition in mesh.of(CustomResourceDefinition):
        webhook = definition.body.spec.conversion.webhook if definition.body.spec.conversion else None
        if webhook and webhook.client_config.service:
            yield str(definition.ref), webhook.client_config.service
