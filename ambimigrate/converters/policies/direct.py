"""Who is seen to call pods past their waypoint: gateways, sidecars that stay, callers outside the mesh, the API server, …"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.converters.policies import trust
from ambimigrate.converters.policies.targets import Subject
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import Gateway, IstioGateway, Service, VirtualService
from ambimigrate.kinds.admission import ServiceReference
from ambimigrate.model import Mesh, Position, Resource, grouped
from ambimigrate.topology import callbacks, callgraph, fronts, hosts, ingress, injection, reach, scraping
from ambimigrate.topology.workloads import Workload, of_resource, selected_anywhere, target_port
from ambimigrate.versions import at_least

GATEWAY, SIDECARS = "gateway", "sidecars"
METERED = "OB006"  # without its sidecar Prometheus meets the port of the application


class Direct(Struct, frozen=True):
    """A class of callers that no waypoint sees: which (gateway and sidecars are a matter of order), and in words.

    What could stay open for them: `ports` of the pods to callers without identity, or all ports to `principals`.
    """

    kind: str
    words: str
    namespace: str = ""  # of callers with sidecars
    ports: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    answers: tuple[str, tuple[Position, ...]] = ("", ())  # the finding that an opening settles, and where it stands


def seen(mesh: Mesh, subject: Subject, moving: frozenset[str], settings: Settings) -> tuple[Direct, ...]:
    """The callers of the subject's pods that go past the waypoint once all that is moving has moved."""
    found = [*_configured(mesh, subject, moving)]
    known = {each.namespace for each in found if each.namespace}
    found += (each for each in _measured(mesh, subject, moving, settings) if each.namespace not in known)
    return tuple(dict.fromkeys(found))


def _configured(mesh: Mesh, subject: Subject, moving: frozenset[str]) -> Iterator[Direct]:
    for service in (*subject.served, *subject.bare):
        yield from _of_service(mesh, subject, service)
    for call in mesh.index(_by_callee).get(subject.namespace, ()):
        yield from _of_namespace(mesh, subject, moving, (call.caller, str(call.ref) if not call.guessed else "", str(call.ref)))
    yield from _of_nodes(mesh, subject)
    yield from _scraping(mesh, subject)


def _scraping(mesh: Mesh, subject: Subject) -> Iterator[Direct]:
    """Prometheus: by name where its pods are in the input and in the mesh, else by the port that it scrapes."""
    known = scraping.scrapers(mesh)
    named = tuple(each for each in known if injection.is_meshed(mesh, each.namespace))
    principals = tuple(dict.fromkeys(_principal(mesh, each.namespace, each.service_account) for each in named))
    for each in subject.members:
        if each.annotations.get(scraping.SCRAPE) == "true":
            ports = () if known and len(named) == len(known) else (str(scraping.port(each)),)
            words = f"Prometheus, which {each} asks to scrape it"
            yield Direct("scraper", words, "", ports, principals, (METERED, (each.resource.at(),)))


def _of_namespace(mesh: Mesh, subject: Subject, moving: frozenset[str], said: tuple[str, str, str]) -> Iterator[Direct]:
    """Callers of a namespace that stays behind, or is not in the mesh; `said`: its name, what is sure, and what shows it."""
    caller, sure, shown = said
    mode = injection.mode(mesh, caller)
    if mode in {injection.SIDECAR, injection.MIXED} and caller not in moving and caller != subject.namespace:
        whole = f"{trust.domain(mesh).name}/ns/{caller}/*"
        yield Direct(SIDECARS, f"the sidecars of namespace {caller} ({shown})", caller, principals=(whole,))
    elif mode == injection.NONE and sure and not injection.is_system(mesh, caller):
        ports = _ports(subject, (*subject.served, *subject.bare))  # for want of an identity
        yield Direct("outside", f"namespace {caller}, which is not in the mesh ({shown})", caller, ports)


def _measured(mesh: Mesh, subject: Subject, moving: frozenset[str], settings: Settings) -> Iterator[Direct]:
    """Who was seen to call the Services, as Prometheus counted it."""
    names = {each.name for each in (*subject.served, *subject.bare)} | {""}
    for flow in settings.flows(mesh):
        if flow.namespace == subject.namespace and flow.service in names and flow.source_namespace:
            shown = f"traffic of {flow.source or 'its pods'} to {flow.service or flow.namespace}"
            yield from _of_namespace(mesh, subject, moving, (flow.source_namespace, shown, shown))
        elif flow.namespace == subject.namespace and flow.service in names:
            yield Direct("unknown", f"somebody whom the traffic to {flow.service or flow.namespace} does not name")


def _by_callee(mesh: Mesh) -> Mapping[str, tuple[callgraph.Call, ...]]:
    return grouped((each.callee, each) for each in callgraph.calls(mesh))


def _of_nodes(mesh: Mesh, subject: Subject) -> Iterator[Direct]:
    """Pods in the node's network that name a Service of the namespace: they have no identity."""
    found = mesh.index(_agents).get(subject.namespace, ())
    ports = _ports(subject, subject.served) if found else ()
    yield from (Direct("agent", f"{each.resource.ref}, which is in the node's network", ports=ports) for each in found)


def _agents(mesh: Mesh) -> Mapping[str, tuple[callgraph.Witness, ...]]:
    found = ((each.callee, each) for each in callgraph.witnesses(mesh) if each.guessed)
    return grouped((callee, each) for callee, each in found if _is_of_node(of_resource(mesh, each.resource)))


def _is_of_node(workload: Workload | None) -> bool:
    return workload is not None and workload.pod.host_network


def _ports(subject: Subject, services: Iterable[Resource[Service]]) -> tuple[str, ...]:
    """The ports of the pods to which Services lead."""
    wanted = ((port, each) for one in services for port in one.body.spec.ports for each in subject.members)
    found = {target_port(port, one) for port, one in wanted}
    return tuple(str(each) for each in sorted(each for each in found if each))


def _of_service(mesh: Mesh, subject: Subject, service: Resource[Service]) -> Iterator[Direct]:
    if hosts.is_headless(service):
        peers = tuple(dict.fromkeys(_principal(mesh, each.namespace, each.service_account) for each in subject.members))
        yield Direct("headless", f"callers of the headless Service {service.name}", principals=peers)
    if (kind := service.body.spec.type) in {"LoadBalancer", "NodePort"}:
        yield Direct("balancer", f"whoever comes through the {kind} {service.name}", ports=_ports(subject, (service,)))
    for name, called in mesh.index(_hooks).get((service.namespace, service.name), ()):
        ports = (each for each in service.body.spec.ports if each.port == called.port)
        found = {str(target_port(port, each) or "") for port in ports for each in subject.members} - {""}
        yield Direct("webhook", f"the API server, for {name}", ports=tuple(sorted(found)))
    routes = ingress.to(mesh, service)
    if routes and not fronts.takes_ingress(mesh, service) and not can_take_ingress(mesh, service):
        callers = tuple(dict.fromkeys(each for route in routes for each in _gateways(mesh, route)))
        yield Direct(GATEWAY, f"the gateway of {routes[0].ref}", principals=callers)


def _principal(mesh: Mesh, namespace: str, account: str) -> str:
    return f"{trust.domain(mesh).name}/ns/{namespace}/sa/{account}"


def _gateways(mesh: Mesh, route: Resource[Any]) -> Iterator[str]:
    """The identities of the gateways that follow a route, as far as the input shows their pods."""
    if isinstance(route.body, VirtualService):
        for text in route.body.spec.gateways:
            place, slash, name = text.rpartition("/")
            found = mesh.find(IstioGateway, place if slash else route.namespace, name, route.file)
            for each in selected_anywhere(mesh, found.body.spec.selector) if found else ():
                yield _principal(mesh, each.namespace, each.service_account)
    for ref in getattr(route.body.spec, "parent_refs", ()):
        gateway = mesh.find(Gateway, ref.namespace or route.namespace, ref.name, route.file)
        if gateway is not None and ref.kind == "Gateway":  # istiod calls its pods so
            yield _principal(mesh, gateway.namespace, f"{gateway.name}-{gateway.body.spec.gateway_class_name}")


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


def _hooks(mesh: Mesh) -> Mapping[tuple[str, str], tuple[tuple[str, ServiceReference], ...]]:
    """By Service for what the API server calls it, and how."""
    return grouped(((each.namespace, each.name), (str(ref), each)) for ref, each in callbacks.references(mesh))
