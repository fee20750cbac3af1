"""Random meshes of namespaces that call each other, with rules about identities, requests and routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Tree = dict[str, Any]
NAMES = tuple("abcdef")
NONE, IDENTITY, REQUESTS, DENIED, ROUTES, EXPORTED = "none", "identity", "requests", "denied", "routes", "exported"
KINDS = (NONE, IDENTITY, REQUESTS, DENIED, ROUTES, EXPORTED)


def namespace(name: str, *, state: bool = False, gateway: bool = False, calls: tuple[str, ...] = ()) -> list[Tree]:
    """A namespace with one workload and its Service."""
    own = {"name": "app", "namespace": name}
    container: Tree = {"name": "app", "image": "app", "env": [{"name": each, "value": f"http://app.{each}/"} for each in calls]}
    template: Tree = {"metadata": {"labels": {"app": "app"}}, "spec": {"serviceAccountName": "app", "containers": [container]}}
    if gateway:
        template["metadata"]["annotations"] = {"inject.istio.io/templates": "gateway"}
        container |= {"name": "istio-proxy", "image": "auto"}
    workload = {"selector": {"matchLabels": {"app": "app"}}, "template": template}
    service = {"selector": {"app": "app"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"istio-injection": "enabled"}}},
        {"apiVersion": "apps/v1", "kind": "StatefulSet" if state else "Deployment", "metadata": own, "spec": workload},
        {"apiVersion": "v1", "kind": "Service", "metadata": own, "spec": service},
    ]


def rules(server: str, clients: tuple[str, ...], kind: str) -> list[Tree]:
    """What a server says about its callers."""
    metadata = {"name": "callers", "namespace": server}
    policy: Tree = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata}
    who = [{"source": {"principals": [f"cluster.local/ns/{each}/sa/app" for each in clients]}}]
    what = [{"operation": {"methods": ["GET"]}}]
    match kind:
        case "identity" if clients:
            return [{**policy, "spec": {"rules": [{"from": who}]}}]
        case "requests" if clients:
            return [{**policy, "spec": {"rules": [{"from": who, "to": what}]}}]
        case "denied":
            return [{**policy, "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/admin*"]}}]}]}}]
        case "routes":
            route = [{"destination": {"host": f"app.{server}.svc.cluster.local"}}]
            spec = {"hosts": [f"app.{server}.svc.cluster.local"], "http": [{"timeout": "5s", "route": route}]}
            return [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}]
        case "exported" if clients:
            spec = {"host": f"app.{server}.svc.cluster.local", "exportTo": [".", *clients]}
            return [{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata, "spec": spec}]
    return []


@st.composite
def meshes(draw: DrawFn, most: int = 5) -> dict[str, list[Tree]]:
    """The objects of each namespace."""
    names = NAMES[: draw(st.integers(2, most))]
    found = {}
    for name in names:
        clients = tuple(sorted(draw(st.sets(st.sampled_from(names), max_size=3)) - {name}))
        calls = tuple(sorted(draw(st.sets(st.sampled_from(names), max_size=2)) - {name}))
        state = draw(st.booleans())
        found[name] = [*namespace(name, state=state, calls=calls), *rules(name, clients, draw(st.sampled_from(KINDS)))]
    return found


def written(found: dict[str, list[Tree]], folder: Path) -> Path:
    """A tree with a file for each object."""
    for name, objects in found.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for each in objects:
            (folder / name / f"{each['kind'].lower()}.yaml").write_text(yaml.safe_dump(each, sort_keys=False))
    return folder


def wishes() -> SearchStrategy[int]:
    """Sizes of waves; 0 is no limit."""
    return st.sampled_from((0, 0, 1, 2))
