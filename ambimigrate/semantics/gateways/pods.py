"""The pods that run gateways: workloads of the input, those that istiod makes, and those that only selectors tell of.

Istio, pilot/pkg/model/push_context.go `mergeGateways` and pilot/pkg/config/kube/gateway/conversion.go `extractGatewayServices`
(1.24 to master of August 2026).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.kinds import Gateway, GatewayClass, Service
from ambimigrate.kinds.core import ServicePort
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.decision import Client
from ambimigrate.topology import gatewaypods, hosts, ingress, meshconfig, waypoints
from ambimigrate.topology.waypoint_pods import copied_labels
from ambimigrate.topology.workloads import Workload, behind, matches, services_of, target_port, workloads

CONTROLLER = "istio.io/gateway-controller"
_CLASS = "istio"
_OVERRIDE = "gateway.istio.io/name-override"


class Pods(Struct, frozen=True):
    """Gateway pods that are all alike.

    `ports`: what a Service in front of them translates, as (name of the Service, its port, the port of the pods).
    `is_seen`: the input has more of them than a selector.
    """

    namespace: str
    name: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[tuple[str, int, int], ...] = ()
    is_seen: bool = True

    @property
    def client(self) -> Client:
        """As whom they look at VirtualServices and DestinationRules."""
        return Client(self.namespace, self.labels)

    def __str__(self) -> str:
        return f"gateway {self.namespace}/{self.name}"

    def reached(self, port: int) -> int | None:
        """The port of the pods that a client reaches by one of their Services, or by their address where there is none."""
        if not self.ports:
            return port
        return next((target for _, number, target in self.ports if number == port), None)

    def targets(self, number: int, services: frozenset[str] | None) -> tuple[int, ...]:
        """The ports of the pods that a server's port means (gateway.go `resolvePorts`).

        One that is bound by labels means the first Service with the port, else the pods' own port; one that names its
        Services means the port of each of these alone.
        """
        if services is None:
            first = (target for _, port, target in self.ports if port == number)
            return (next(first, number),)
        found = (target for name, port, target in self.ports if port == number and name in services)
        return tuple(dict.fromkeys(found))


def pods(mesh: Mesh) -> tuple[Pods, ...]:
    """All pods that a Gateway of either kind configures."""
    return mesh.index(_pods)


def _pods(mesh: Mesh) -> tuple[Pods, ...]:
    known = (*_in_the_input(mesh), *_made(mesh))
    return (*known, *_unseen(mesh, known))


def _in_the_input(mesh: Mesh) -> Iterator[Pods]:
    chosen = {id(workload) for gateway in mesh.of(Gateway) for workload in _behind(mesh, gateway)} | gatewaypods.members(mesh)
    for workload in workloads(mesh):
        if id(workload) in chosen:
            ports = (
                (service.name, port.port, target_port(port, workload) or port.port)
                for service in services_of(mesh, workload)
                for port in service.body.spec.ports
                if port.protocol == "TCP"
            )
            yield Pods(workload.namespace, workload.name, tuple(sorted(workload.labels.items())), tuple(ports))


def _behind(mesh: Mesh, gateway: Resource[Gateway]) -> Iterator[Workload]:
    for name in services(gateway) or ():
        found = mesh.find(Service, gateway.namespace, name, gateway.file)
        yield from behind(mesh, found) if found else ()


def _made(mesh: Mesh) -> Iterator[Pods]:
    """Those that istiod makes for a Gateway that names no Service, with a Service of the listeners' ports."""
    for gateway in mesh.of(Gateway):
        if is_ours(mesh, gateway) and services(gateway) is None:
            labels = {**copied_labels(gateway.body), ingress.GATEWAY_NAME: gateway.name}
            name = made_name(gateway)
            numbers = dict.fromkeys(each.port for each in gateway.body.spec.listeners)
            yield Pods(
                gateway.namespace, name, tuple(sorted(labels.items())), tuple((name, number, number) for number in numbers)
            )


def made_name(gateway: Resource[Gateway]) -> str:
    """The name of the Service and the pods that istiod makes for a Gateway."""
    spec, own = gateway.body.spec, gateway.body.metadata.annotations
    return own.get(_OVERRIDE) or f"{gateway.name}-{spec.gateway_class_name}"


def services(gateway: Resource[Gateway]) -> tuple[str, ...] | None:
    """The Services of its namespace that a Gateway names as its address; None for one whose Service istiod makes."""
    addresses = gateway.body.spec.addresses
    if not addresses or (len(addresses) == 1 and addresses[0].type == "IPAddress"):
        return None
    written = (hosts.full_name(each.value, gateway.namespace) for each in addresses if each.type == "Hostname")
    own = f".{gateway.namespace}.{hosts.DOMAIN}"
    return tuple(each.removesuffix(own) for each in written if each.endswith(own))


def is_ours(mesh: Mesh, gateway: Resource[Gateway]) -> bool:
    """Whether Istio programs the Gateway as a gateway: its class is `istio`, or one of the same controller."""
    name = gateway.body.spec.gateway_class_name
    if waypoints.is_waypoint(gateway.body):
        return False
    own = next((each for each in mesh.of(GatewayClass) if each.name == name), None)
    return own.body.spec.controller_name == CONTROLLER if own else name == _CLASS


def _unseen(mesh: Mesh, known: tuple[Pods, ...]) -> Iterator[Pods]:
    """Pods of which the input has a selector alone: in the namespace of a Service for them, else in the root namespace."""
    for selector in gatewaypods.selectors(mesh):
        if any(matches(selector, dict(each.labels)) for each in known):
            continue
        fronts = [each for each in mesh.of(Service) if each.body.spec.selector and matches(selector, each.body.spec.selector)]
        labels = dict(selector)
        ports: list[tuple[str, int, int]] = []
        for front in fronts[:1]:
            labels |= front.body.spec.selector
            ports = [(front.name, each.port, _number(each)) for each in front.body.spec.ports if each.protocol == "TCP"]
        namespace = fronts[0].namespace if fronts else meshconfig.root_namespace(mesh)
        name = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        yield Pods(namespace, name, tuple(sorted(labels.items())), tuple(ports), is_seen=False)


def _number(port: ServicePort) -> int:
    return port.target_port if isinstance(port.target_port, int) else port.port
