"""Gateway pods with a Service in namespace `edge`, and what configures them: Istio Gateways and those of the Gateway API."""

from __future__ import annotations

from typing import Any

import yaml

from ambimigrate.model import Mesh
from ambimigrate.semantics import gateways
from ambimigrate.semantics.decision import Request
from ambimigrate.semantics.gateways import Handled
from tests.oracle.worlds import Tree, app, ends, namespace, thing

EDGE = "edge"
PORTS = (80, 443, 8080, 5432)
LABELS = {"istio": "ingressgateway"}


def pods(*ports: int, target: int = 0) -> list[Tree]:
    """The pods of a gateway with its Service; `target` is added to the ports that they listen on."""
    metadata = {"labels": LABELS, "annotations": {"inject.istio.io/templates": "gateway"}}
    template = {"metadata": metadata, "spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]}}
    listed = [{"name": f"p{each}", "port": each, "targetPort": each + target} for each in ports or PORTS]
    return [
        namespace(EDGE),
        thing("Deployment", "ingress", {"template": template}, EDGE),
        thing("Service", "ingress", {"selector": LABELS, "ports": listed}, EDGE),
    ]


def gateway(*servers: str, name: str = "public", namespace: str = EDGE, age: int = 0, selector: Any = None) -> Tree:
    """An Istio Gateway; each server is written as YAML."""
    spec = {"selector": LABELS if selector is None else selector, "servers": [yaml.safe_load(each) for each in servers]}
    return {**thing("Gateway", name, spec, namespace, age), "apiVersion": "networking.istio.io/v1"}


def server(number: int, protocol: str, *hosts: str, **more: Any) -> str:
    """One of its servers."""
    port = {"number": number, "name": more.pop("name", f"{protocol}-{number}".lower()), "protocol": protocol}
    return str(yaml.safe_dump({"port": port, "hosts": list(hosts) or ["*"], **more}))


SIMPLE = {"mode": "SIMPLE", "credentialName": "cert"}


def api(*listeners: Tree, name: str = "public", age: int = 0, address: str = "ingress") -> Tree:
    """A Gateway of the Gateway API at the same pods, or at pods of its own."""
    spec: Tree = {"gatewayClassName": "istio", "listeners": list(listeners)}
    if address:
        spec["addresses"] = [{"type": "Hostname", "value": address}]
    return thing("Gateway", name, spec, EDGE, age)


def listener(name: str, port: int, protocol: str = "HTTP", hostname: str = "", **more: Any) -> Tree:
    found: Tree = {"name": name, "port": port, "protocol": protocol, **more}
    found.setdefault("allowedRoutes", {"namespaces": {"from": "All"}})
    return found | ({"hostname": hostname} if hostname else {})


TERMINATE = {"mode": "Terminate", "certificateRefs": [{"name": "cert"}]}


def route(name: str, spec: str, kind: str = "HTTPRoute", namespace: str = "shop", age: int = 0) -> Tree:
    """A route whose parent is the Gateway `public`, unless it names others."""
    found = yaml.safe_load(spec)
    found.setdefault("parentRefs", [{"name": "public", "namespace": EDGE}])
    return thing(kind, name, found, namespace, age)


def shop() -> list[Tree]:
    """Backends: `web` and `next` with one port each, `two` with two, `db` without HTTP."""
    found = [namespace("shop"), *app("web", 8000), *app("next", 8000), *app("two", 8000, 9000)]
    return found + app("db", 5432, protocol="tcp")


def handled(mesh: Mesh, host: str, path: str = "/", port: int = 80, **more: Any) -> Handled:
    """What the only gateway makes of a request; `tls`, `sni` and `headers` are what it may have besides."""
    (found,) = gateways.pods(mesh)
    request = Request("", port, path=path, host=host, headers=more.pop("headers", ()))
    return gateways.decide(mesh, found, gateways.Arrival(port, request, **more))


def ended(mesh: Mesh, host: str, path: str = "/", port: int = 80, **more: Any) -> str:
    """Where it ends: pods, the proxy's status, the location of a redirect, or `closed`."""
    found = handled(mesh, host, path, port, **more).decision
    location = next((each.location for _, each in found.outcomes if each.location), None)
    if location:
        return location
    text = ends(found)
    return "closed" if text == "0" else text
