"""WP002: labels about waypoints at a place, or of a form, that istiod does not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import Gateway, IstioGateway, Namespace, Service, ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, waypoints

FOR_VALUES = {"service", "workload", "all", "none"}
LABELS = (waypoints.USE, waypoints.USE_NAMESPACE, waypoints.INGRESS_USE, waypoints.FOR)


@rule("WP002", Namespace, Service, ServiceEntry, Gateway, IstioGateway)
def check(holder: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    metadata = holder.body.metadata
    for name in LABELS:
        if name in metadata.annotations:
            where = holder.at("metadata", "annotations", name)
            yield Hit(
                where, f"{name} is read as a label only; as an annotation it does nothing for {holder.name}", "annotation"
            )
    if isinstance(holder.body, Gateway | IstioGateway):
        yield from _of_gateway(holder)
    else:
        yield from _of_target(holder, mesh)


def _of_gateway(gateway: Resource[Any]) -> Iterator[Hit]:
    labels = gateway.body.metadata.labels
    value = labels.get(waypoints.FOR)
    serves = isinstance(gateway.body, Gateway) and waypoints.is_waypoint(gateway.body)
    if serves and value is not None and value not in FOR_VALUES:
        where = gateway.at("metadata", "labels", waypoints.FOR)
        yield Hit(where, f"{waypoints.FOR} {value} is unknown; it takes service, workload, all or none", "value")
    if waypoints.INGRESS_USE in labels:
        where = gateway.at("metadata", "labels", waypoints.INGRESS_USE)
        message = f"fails open: {waypoints.INGRESS_USE} is not read on a Gateway: ingress goes past the waypoints"
        yield Hit(where, message, "ingress")


def _of_target(holder: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    labels = holder.body.metadata.labels
    own = labels.get(waypoints.USE)
    if own and "/" in own:
        where = holder.at("metadata", "labels", waypoints.USE)
        yield Hit(where, f"{own} is no name of a Gateway; the namespace goes into {waypoints.USE_NAMESPACE}", "value")
    if waypoints.USE_NAMESPACE in labels and own is None:
        where = holder.at("metadata", "labels", waypoints.USE_NAMESPACE)
        yield Hit(where, f"{waypoints.USE_NAMESPACE} counts only beside {waypoints.USE} on the same object", "alone")
    if isinstance(holder.body, Service) and hosts.is_headless(holder) and own not in {None, "none"}:
        where = holder.at("metadata", "labels", waypoints.USE)
        yield Hit(where, f"Service {holder.name} is headless: its clients dial pods, so no waypoint ever serves it", "headless")
    if labels.get(waypoints.INGRESS_USE) == "true":
        if isinstance(holder.body, Namespace):
            yield Hit(
                holder.at("metadata", "labels", waypoints.INGRESS_USE),
                f"fails open: Istio {mesh.target.istio} reads it on Services only, so ingress goes past waypoints here",
                "ingress-namespace",
            )
        elif isinstance(holder.body, Service) and waypoints.binding(mesh, holder) is None:
            where = holder.at("metadata", "labels", waypoints.INGRESS_USE)
            yield Hit(
                where, f"Service {holder.name} is bound to no waypoint, so ingress traffic has none to use", "ingress-unbound"
            )
