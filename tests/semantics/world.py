"""A small mesh for tests of routing: a Service `reviews` with a waypoint, and others to route to."""

from __future__ import annotations

from typing import Any

import yaml

from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Decision, Request
from tests.semantics.vectors import OBSERVED, mesh

GROUPS = {
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "Sidecar": "networking.istio.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "GRPCRoute": "gateway.networking.k8s.io/v1",
    "TCPRoute": "gateway.networking.k8s.io/v1",
}
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: default}
spec:
  gatewayClassName: istio-waypoint
  listeners: [{name: mesh, port: 15008, protocol: HBONE, allowedRoutes: {namespaces: {from: All}}}]
"""


def thing(kind: str, name: str, spec: str, namespace: str = "default", created: int = 1) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": f"2024-01-0{created}T00:00:00Z"}
    return {"apiVersion": GROUPS[kind], "kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)}


def service(name: str, *ports: int, namespace: str = "default", port_name: str = "http") -> dict[str, Any]:
    listed = [{"name": f"{port_name}-{port}", "port": port} for port in ports or (80,)]
    labels = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "default"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": name}, "ports": listed}}


def mesh_config(text: str) -> dict[str, Any]:
    metadata = {"name": "istio", "namespace": "istio-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": text}}


SERVICES = [service(name) for name in ("reviews", "v1", "v2", "shadow")]
PODS = {name: {"app": name} for name in ("reviews", "v1", "v2", "shadow")}
OWN = Client("default")


def at_sidecar(objects: list[dict[str, Any]], path: str = "/", client: Client = OWN, host: str = "", **asked: Any) -> Decision:
    name, release = "reviews.default.svc.cluster.local", asked.pop("release", None)
    request = Request(name, asked.pop("port", 80), path=path, host=host or name, **asked)
    return sidecar.decide(mesh({"id": "", "objects": [*SERVICES, *objects], "pods": PODS}), client, request, release)


def at_waypoint(objects: list[dict[str, Any]], path: str = "/", version: str = OBSERVED, **asked: Any) -> Decision:
    release = asked.pop("release", None)
    request = Request("reviews.default.svc.cluster.local", asked.pop("port", 80), path=path, host="reviews", **asked)
    world = mesh({"id": "", "objects": [*SERVICES, yaml.safe_load(GATEWAY), *objects], "pods": PODS}, version)
    return waypoint.decide(world, request, release)


def ends(decision: Decision) -> str:
    """The names of the pods, or the status."""
    _, outcome = decision.outcomes[0]
    return ",".join(each.split("/")[-1].split(":")[0] for each in outcome.backends) or str(outcome.status)


def to(host: str, path: str = "/", extra: str = "") -> str:
    rule = f"{{match: [{{uri: {{prefix: {path}}}}}], route: [{{destination: {{host: {host}}}}}]}}"
    return f"{{hosts: [reviews], http: [{rule}]{extra}}}"


def rules(text: str) -> str:
    return f"{{parentRefs: [{{group: '', kind: Service, name: reviews}}], rules: [{text}]}}"


OLDER = thing("VirtualService", "older", to("v1", "/a"))
YOUNGER = thing("VirtualService", "younger", to("v2", "/b"), created=2)
ROUTE = thing(
    "HTTPRoute",
    "route",
    rules("{matches: [{path: {value: /b}}], backendRefs: [{name: v2, port: 80}]}"),
    created=2,
)
