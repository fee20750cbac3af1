"""GW003: an ingress controller that is no Istio gateway and dials pods, past the waypoint of their Service."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import Ingress, Service
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import attached, reach, waypoints

CLASS = "kubernetes.io/ingress.class"
BY_SERVICE = {  # how controllers are told to dial the address of the Service
    "nginx.ingress.kubernetes.io/service-upstream",
    "traefik.ingress.kubernetes.io/service.nativelb",
    "ingress.kubernetes.io/service-upstream",
}


@rule("GW003", Ingress)
def check(ingress: Resource[Ingress], mesh: Mesh) -> Iterator[Hit]:
    controller = ingress.body.spec.ingress_class_name or ingress.body.metadata.annotations.get(CLASS, "")
    if controller.startswith("istio") or _is_by_service(ingress.body.metadata.annotations):
        return
    who = f"ingress controller {controller}" if controller else "the ingress controller"
    said: set[str] = set()
    for place, name in _backends(ingress.body):
        service = mesh.find(Service, ingress.namespace, name, ingress.file)
        if service is None or name in said or not reach.is_called(mesh, service):
            continue
        said.add(name)
        if _is_by_service(service.body.metadata.annotations) or not waypoints.is_bound(mesh, service):
            continue
        policies = reach.listed(str(each.ref) for each in attached.policies(mesh, service))
        if policies:
            message = f"fails open: {who} dials the pods of {name}, past its waypoint, where nothing carries out {policies}"
            yield Hit(ingress.at(*place), message, case="policy")
        else:
            yield Hit(ingress.at(*place), f"{who} dials the pods of {name}, past its waypoint and routes", case="routing")


def _is_by_service(annotations: dict[str, str]) -> bool:
    return any(annotations.get(name) == "true" for name in BY_SERVICE)


def _backends(ingress: Ingress) -> Iterator[tuple[Route, str]]:
    """The names of the Services that an Ingress publishes, with their places."""
    spec = ingress.spec
    if spec.default_backend and spec.default_backend.service:
        yield ("spec", "defaultBackend"), spec.default_backend.service.name
    for i, each in enumerate(spec.rules):
        for j, path in enumerate(each.http.paths if each.http else ()):
            if path.backend.service:
                yield ("spec", "rules", i, "http", "paths", j), path.backend.service.name
