"""Callers that the input shows to be outside of the mesh, and the ports of pods that they count on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import Ingress, Service
from ambimigrate.model import Mesh, Resource, Route, grouped
from ambimigrate.topology import callbacks, published, scraping
from ambimigrate.topology.captured import captured
from ambimigrate.topology.workloads import Workload, container_ports, services_of, target_port

PREFIX = "traffic.sidecar.istio.io/"  # Istio, cni/pkg/util: ambient reads only ambient.istio.io/* of such annotations
_INBOUND = ("excludeInboundPorts", "includeInboundPorts")


class Outsider(Struct, frozen=True):
    """Somebody who calls ports of pods without an identity, and the field of the workload that the sentence is about."""

    who: str
    ports: tuple[int, ...]
    route: Route
    subjects: tuple[Resource[Any], ...] = ()  # other objects that say so


def of(mesh: Mesh, workload: Workload) -> tuple[Outsider, ...]:
    """Who calls the pods from outside, by annotations, load balancers, scraping, and the API server."""
    return tuple(each for each in (*_past(workload), *_balanced(mesh, workload), *_other(mesh, workload)) if each.ports)


def _past(workload: Workload) -> Iterator[Outsider]:
    for name in _INBOUND:
        value = workload.annotations.get(PREFIX + name)
        if value and value != "*":
            route = (*workload.template, "metadata", "annotations", PREFIX + name)
            yield Outsider(f"callers for whom {name} keeps ports from the sidecar", excluded(workload, name, value), route)


def excluded(workload: Workload, name: str, value: str) -> tuple[int, ...]:
    """The ports that an annotation keeps from the sidecar."""
    listed = {int(each) for each in value.replace(" ", "").split(",") if each.isdigit()}
    return tuple(sorted(listed if name.startswith("exclude") else container_ports(workload) - listed))


def _balanced(mesh: Mesh, workload: Workload) -> Iterator[Outsider]:
    for service in services_of(mesh, workload):
        if key := mesh.index(_dialled).get((service.namespace, service.name)):
            ports = {target_port(each, workload) or each.port for each in service.body.spec.ports}
            who = f"the cloud's load balancer, by {key[0][0]} for {service.name},"
            yield Outsider(who, tuple(sorted(ports)), workload.template, tuple(each for _, each in key))


def _dialled(mesh: Mesh) -> dict[tuple[str, str], tuple[tuple[str, Resource[Any]], ...]]:
    """The annotation by which a balancer dials the pods of a Service, and on what it stands, by the Service's name."""
    found: tuple[Resource[Any], ...] = (*mesh.of(Service), *mesh.of(Ingress))
    return grouped(
        ((service.namespace, service.name), (key, each))
        for each in found
        if (key := published.dialling(each.body.metadata.annotations))
        for service in published.backends(mesh, each)
    )


def _other(mesh: Mesh, workload: Workload) -> Iterator[Outsider]:
    if scraping.is_merged(mesh, workload) and not any(captured(mesh, each) for each in scraping.scrapers(mesh)):
        route = (*workload.template, "metadata", "annotations", scraping.SCRAPE)
        yield Outsider("a Prometheus outside of the mesh", (scraping.port(workload),), route)
    for service in services_of(mesh, workload):
        if (service.namespace, service.name) in mesh.index(_called):
            ports = {target_port(each, workload) or each.port for each in service.body.spec.ports}
            yield Outsider("the API server", tuple(sorted(ports)) if len(ports) == 1 else (), workload.template)


def _called(mesh: Mesh) -> frozenset[tuple[str, str]]:
    return frozenset((service.namespace, service.name) for _, service in callbacks.references(mesh))
