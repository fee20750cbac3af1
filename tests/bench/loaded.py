"""A large mesh on a real API server: loaded once into a folder that is kept, and served from it each time."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.live.apiserver import ROOT, ApiServer, gateway_definitions, istio_definitions, running

Manifest = dict[str, Any]
NODES, PODS_OF_EACH = 100, 15
PROCESSES, CONNECTIONS = 4, 3
_MOUNTS = (
    "workload-socket",
    "credential-socket",
    "workload-certs",
    "istiod-ca-cert",
    "istio-data",
    "istio-envoy",
    "istio-token",
    "istio-podinfo",
)


def folder(pods: int) -> Path:
    """Where the server of that size is, loaded once."""
    place = ROOT / "build" / f"cluster-{pods}"
    if not (place / "loaded").exists():
        with running(folder=_made(place)) as server:
            _load(server, pods)
        (place / "loaded").touch()
    return place


def _made(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return place


def _load(server: ApiServer, pods: int) -> None:
    server.apply(*istio_definitions(), *gateway_definitions())
    for number in range(NODES):
        server.apply(_node(number))
    namespaces = range(pods // PODS_OF_EACH)
    parts = [list(namespaces[start::PROCESSES]) for start in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        for _ in pool.map(_load_part, [server.folder] * PROCESSES, parts):
            pass


def _load_part(place: Path, numbers: list[int]) -> None:
    threads = [Thread(target=_write, args=(place, numbers[start::CONNECTIONS])) for start in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _write(place: Path, numbers: list[int]) -> None:
    server = ApiServer(place)
    context = ssl.create_default_context(cafile=str(place / "pki" / "apiserver.crt"))
    connection = http.client.HTTPSConnection(urlsplit(server.url).netloc, context=context)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    for number in numbers:
        for method, path, body in _requests(number):
            connection.request(method, path, json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in {200, 201, 409}:
                raise RuntimeError(f"{method} {path}: {text[:300]!r}")


def _requests(number: int) -> Iterator[tuple[str, str, Manifest]]:
    name = f"team-{number:04}"
    core, istio = f"/api/v1/namespaces/{name}", "/apis/{}.istio.io/v1/namespaces/" + name
    yield "POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": {"istio-injection": "enabled"}}}
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    yield "POST", f"{core}/services", {"metadata": {"name": "app"}, "spec": {"selector": {"app": "app"}, "ports": ports}}
    yield "POST", f"/apis/discovery.k8s.io/v1/namespaces/{name}/endpointslices", _slice(number)
    host = f"app.{name}.svc.cluster.local"
    timeouts = {"hosts": [host], "http": [{"timeout": "5s", "route": [{"destination": {"host": host}}]}]}
    yield "POST", f"{istio.format('networking')}/virtualservices", _istio("networking", "VirtualService", timeouts)
    pool = {"host": host, "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 100}}}}
    yield "POST", f"{istio.format('networking')}/destinationrules", _istio("networking", "DestinationRule", pool)
    rules = {"rules": [{"from": [{"source": {"namespaces": [name]}}]}]}
    yield "POST", f"{istio.format('security')}/authorizationpolicies", _istio("security", "AuthorizationPolicy", rules)
    for each in range(PODS_OF_EACH):
        pod = _pod(number, each)
        yield "POST", f"{core}/pods", pod
        yield "PUT", f"{core}/pods/{pod['metadata']['name']}/status", {**pod, "status": _status(number, each)}


def _istio(group: str, kind: str, spec: Manifest) -> Manifest:
    return {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": {"name": "app"}, "spec": spec}


def _node(number: int) -> Manifest:
    info = dict.fromkeys(
        ("architecture", "bootID", "containerRuntimeVersion", "kubeProxyVersion", "machineID", "systemUUID"), "x"
    )
    info |= {"kubeletVersion": "v1.35.4", "kernelVersion": "6.8.0", "osImage": "Ubuntu 24.04", "operatingSystem": "linux"}
    status = {"allocatable": {"cpu": "15", "memory": "60Gi"}, "nodeInfo": info}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{number:03}"}, "status": status}


def _slice(number: int) -> Manifest:
    endpoints = [
        {"addresses": [f"10.{number % 250}.{number // 250}.{each}"], "conditions": {"ready": True}}
        for each in range(1, PODS_OF_EACH + 1)
    ]
    metadata = {"name": "app-1", "labels": {"kubernetes.io/service-name": "app"}}
    return {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8080}]}


def _pod(number: int, each: int) -> Manifest:
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "app-5f6d8c7b9d",
        "uid": f"{number:08}-0000",
        "controller": True,
    }
    labels = {"app": "app", "pod-template-hash": "5f6d8c7b9d", "security.istio.io/tlsMode": "istio"}
    labels |= {"service.istio.io/canonical-name": "app", "service.istio.io/canonical-revision": "latest"}
    told = {"initContainers": ["istio-init", "istio-proxy"], "volumes": list(_MOUNTS), "revision": "default"}
    annotations = {"sidecar.istio.io/status": json.dumps(told), "istio.io/rev": "default", "prometheus.io/scrape": "true"}
    mounts = [{"name": name, "mountPath": f"/var/run/{name}"} for name in _MOUNTS]
    env = [{"name": f"ISTIO_META_SETTING_{index}", "value": f"some value of variable number {index}"} for index in range(22)]
    resources = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
    image = "docker.io/istio/proxyv2:1.31.1"
    proxy: Manifest = {"name": "istio-proxy", "image": image, "args": ["proxy", "sidecar"], "env": env}
    proxy |= {
        "restartPolicy": "Always",
        "resources": resources,
        "volumeMounts": mounts,
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom"}],
    }
    init = {"name": "istio-init", "image": image, "args": ["istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337"]}
    app: Manifest = {"name": "app", "image": "registry.example/app:1.2.3", "resources": resources}
    app["ports"] = [{"containerPort": 8080}]
    app["env"] = [{"name": "PEER", "value": f"http://app.team-{number + 1:04}.svc.cluster.local"}]
    volumes = [{"name": name, "emptyDir": {}} for name in _MOUNTS]
    spec = {
        "initContainers": [init, proxy],
        "containers": [app],
        "volumes": volumes,
        "nodeName": f"node-{(number + each) % NODES:03}",
    }
    metadata = {
        "name": f"app-5f6d8c7b9d-{each:05}",
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": [reference],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _status(number: int, each: int) -> Manifest:
    time = "2026-10-01T12:00:00Z"
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": time} for kind in kinds]
    names = {"app": "registry.example/app:1.2.3", "istio-proxy": "docker.io/istio/proxyv2:1.31.1"}
    states: dict[str, Manifest] = {
        name: {"name": name, "image": image, "imageID": f"{image}@sha256:{'0' * 64}", "ready": True, "started": True}
        | {"restartCount": 0, "containerID": f"containerd://{'1' * 64}", "state": {"running": {"startedAt": time}}}
        for name, image in names.items()
    }
    address = f"10.{number % 250}.{number // 250}.{each + 1}"
    running_ = {"containerStatuses": [states["app"]], "initContainerStatuses": [states["istio-proxy"]]}
    return {
        "phase": "Running",
        "conditions": conditions,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": time,
        **running_,
    }
