"""CT010: an ingress controller that is no gateway of the mesh dials pods by itself."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.l7 import rules_for
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import Ingress, IngressClass, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.semantics.strict import demands_identity
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.captured import captured
from ambimigrate.topology.published import backends
from ambimigrate.topology.workloads import Workload, behind, target_port, workloads

_CLASS = "kubernetes.io/ingress.class"
_CLOUDS = frozenset({"alb", "gce", "gce-internal", "azure-application-gateway"})  # their balancers run outside of the cluster
_UPSTREAM = ("nginx.ingress.kubernetes.io/service-upstream", "ingress.kubernetes.io/service-upstream")
_NATIVE = "traefik.ingress.kubernetes.io/service.nativelb"
_IMAGES = ("ingress-nginx", "nginx-ingress", "traefik", "kong", "haproxy", "apisix", "contour", "emissary")


@rule("CT010", Ingress)
def check(ingress: Resource[Ingress], mesh: Mesh) -> Iterator[Hit]:
    name = ingress.body.spec.ingress_class_name or ingress.body.metadata.annotations.get(_CLASS, "")
    if name in _CLOUDS or _is_istio(mesh, name):
        return
    for service in backends(mesh, ingress):
        if not injection.is_meshed(mesh, service.namespace) or not _is_captured(mesh, service):
            continue
        said = f"{name or 'the default ingress controller'} sends {ingress.name}'s traffic for {service.name}"
        if not _dials_service(ingress, service) and (waypoints.is_bound(mesh, service) or rules_for(mesh, service)):
            found = rules_for(mesh, service)
            lost = listed(found) if found else "what its waypoint enforces"
            yield Hit(
                ingress.at("spec"),
                f"fails open: {said} to addresses of pods, past the waypoint: {lost} does not hold for it",
                "bypass",
            )
        if _is_outside(mesh) and any(_refuses(mesh, service, each) for each in behind(mesh, service)):
            yield Hit(ingress.at("spec"), f"{said} from outside of the mesh, without mTLS, which STRICT refuses", "refused")


def _is_istio(mesh: Mesh, name: str) -> bool:
    found = next((each for each in mesh.of(IngressClass) if each.name == name), None)
    return "istio" in (found.body.spec.controller if found else name)


def _is_captured(mesh: Mesh, service: Resource[Service]) -> bool:
    members = behind(mesh, service)
    return not members or any(captured(mesh, each) for each in members)


def _dials_service(ingress: Resource[Ingress], service: Resource[Service]) -> bool:
    """Whether the controller is told to call the Service's own address."""
    own = ingress.body.metadata.annotations
    told = (own.get(key) or service.body.metadata.annotations.get(key) for key in _UPSTREAM)
    return "true" in told or service.body.metadata.annotations.get(_NATIVE) == "true"


def _is_outside(mesh: Mesh) -> bool:
    """Whether the pods of a controller were read, and none of them is in the mesh."""
    found = mesh.index(_controllers)
    return bool(found) and not any(injection.is_meshed(mesh, each.namespace) for each in found)


def _controllers(mesh: Mesh) -> tuple[Workload, ...]:
    return tuple(each for each in workloads(mesh) if any(word in one.image for one in each.pod.containers for word in _IMAGES))


def _refuses(mesh: Mesh, service: Resource[Service], workload: Workload) -> bool:
    ports = [target_port(port, workload) or port.port for port in service.body.spec.ports]
    return captured(mesh, workload) and any(demands_identity(mesh, workload, port) for port in ports)
