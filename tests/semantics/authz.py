"""Small meshes for the tests of authorization: objects without files, and how observed probes and decisions read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ambimigrate.kinds import KINDS, Service
from ambimigrate.model import Mesh, Position, Ref, Resource, Route, Target
from ambimigrate.semantics.authz import Call, Caller, Decision, Hop, Request, decide
from ambimigrate.topology import meshconfig
from ambimigrate.topology.workloads import workloads
from ambimigrate.versions import NEWEST_GATEWAY_API, parse

OBSERVED = "1.32.0"
WEB = "cluster.local/ns/web/sa/web"
GET = Request("GET", "/", "reviews")
# Where a probe names no address, callers that are a pod of the case called from it, all others from a host.
POD_IP, OTHER_IP = "10.244.0.9", "10.9.0.9"


class Nowhere:
    """The origin of objects that stand in no file."""

    file = "vectors"

    def at(self, route: Route) -> Position:
        return Position(self.file, None, None, route)


def mesh_of(objects: Iterable[Mapping[str, Any]], version: str = OBSERVED) -> Mesh:
    return Mesh("", tuple(map(_resource, objects)), Target(parse(version), NEWEST_GATEWAY_API))


def _resource(tree: Mapping[str, Any]) -> Resource[Any]:
    if tree["kind"] == "MeshConfig":
        config = {key: value for key, value in tree.items() if key != "kind"}
        metadata = {"name": "istio", "namespace": "istio-system"}
        tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": json.dumps(config)}}
    view = KINDS[tree["apiVersion"].rpartition("/")[0], tree["kind"]]
    body = msgspec.convert(tree, view)
    return Resource(Ref(tree["kind"], view.GROUP, body.metadata.namespace, body.metadata.name), body, Nowhere())


def call_of(mesh: Mesh, probe: Mapping[str, Any], *, ambient: bool) -> Call:
    """The call of an observed probe; callers inside the mesh are in the same data plane as the servers."""
    namespace, name = probe["to"]["service"].split("/")
    service = mesh.find(Service, namespace, name)
    assert service is not None
    caller, sent = probe["caller"], probe["request"]
    captured = ambient and caller["principal"] is not None
    ip = caller.get("ip", POD_IP if caller["principal"] in mesh.index(_identities) else OTHER_IP)
    request = sent and Request(sent["method"], sent["path"], sent["host"], tuple(map(tuple, sent["headers"])))
    return Call(Caller(caller["principal"], ip, captured), service, probe["to"]["port"], request)


def _identities(mesh: Mesh) -> frozenset[str]:
    return frozenset(f"cluster.local/ns/{each.namespace}/sa/{each.service_account}" for each in workloads(mesh))


def observed(mesh: Mesh, call: Call, decision: Decision) -> dict[str, Any]:
    """A decision as the files of observed decisions write it."""
    found: dict[str, Any] = {"verdict": decision.verdict.value, "status": decision.status}
    found["path"] = " > ".join(str(_pod(hop)) for hop in decision.path)
    if decision.audit:
        found["audit"] = True
    if decision.providers:
        found["providers"] = [_cluster(mesh, name) if call.is_http else "tcp" for name in decision.providers]
    return found


def _pod(hop: Hop) -> Hop:
    return hop if hop.proxy == "waypoint" else Hop(hop.proxy, f"{hop.place}-0", hop.identity)


def _cluster(mesh: Mesh, name: str) -> str:
    entries = next(meshconfig.settings(mesh, "extensionProviders")).value
    entry = next(each for each in entries if each["name"] == name)
    asked = entry.get("envoyExtAuthzHttp") or entry["envoyExtAuthzGrpc"]
    return f"outbound_{asked['port']}__{asked['service']}"


def thing(api: str, kind: str, name: str, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "app"} | metadata, "spec": spec or {}}


def policy(spec: Any, name: str = "p", **metadata: Any) -> dict[str, Any]:
    return thing("security.istio.io/v1", "AuthorizationPolicy", name, spec, **metadata)


def answer(
    *objects: dict[str, Any], plane: str = "sidecar", version: str = OBSERVED, caller: Caller | None = None, **call: Any
) -> Decision:
    """The decision about a call to port 80 of Service reviews, which is port 8080 of its only workload."""
    labels = {"istio-injection": "enabled"} if plane == "sidecar" else {"istio.io/dataplane-mode": "ambient"}
    labels |= {"istio.io/use-waypoint": "waypoint"} if plane == "waypoint" else {}
    template = {"metadata": {"labels": {"app": "reviews"}}, "spec": {"containers": [{"name": "c"}]}}
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "http-admin", "port": 90, "targetPort": 9090}]
    gateway = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
    base = (
        thing("v1", "Namespace", "app", labels=labels, namespace=""),
        thing("apps/v1", "Deployment", "reviews", {"template": template}),
        thing("v1", "Service", "reviews", {"selector": {"app": "reviews"}, "ports": ports}),
        thing("gateway.networking.k8s.io/v1", "Gateway", "waypoint", gateway),
    )
    mesh = mesh_of((*base, *objects), version)
    service = mesh.find(Service, "app", "reviews")
    assert service is not None
    who = caller or Caller(WEB, "10.0.0.1", captured=plane != "sidecar")
    asked: dict[str, Any] = {"port": 80, "request": GET} | call
    return decide(mesh, Call(who, service, **asked))["app/reviews"]
