"""`convert --gateways` on a repository of Gateways and VirtualServices, beside the cluster that has the gateway's pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakecluster import FakeCluster, Manifest, manifest, serving
from tests.test_convert_beside import run

FILES = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web.example]
  gateways: [edge/gw]
  http: [{route: [{destination: {host: web}}]}]
"""
POD = {"labels": {"istio": "ingressgateway"}, "annotations": {"inject.istio.io/templates": "gateway"}}
TEMPLATE = {"metadata": POD, "spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]}}
CLUSTER = [
    manifest("Namespace", "edge"),
    manifest("Namespace", "shop", metadata={"labels": {"istio.io/dataplane-mode": "ambient"}}),
    manifest("Deployment", "ingress", "edge", "apps", spec={"selector": {"matchLabels": POD["labels"]}, "template": TEMPLATE}),
    manifest("Service", "ingress", "edge", spec={"selector": POD["labels"], "ports": [{"name": "http", "port": 80}]}),
    manifest("Service", "web", "shop", spec={"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8000}]}),
]
UNKNOWN = {"hosts": ["other.example"], "gateways": ["edge/gw"], "http": [{"route": [{"destination": {"host": "web"}}]}]}


def converted(folder: Path, *objects: Manifest) -> dict[str, Any]:
    (folder / "repository").mkdir()
    (folder / "repository" / "all.yaml").write_text(FILES, encoding="utf-8")
    with serving(FakeCluster([*CLUSTER, *objects])) as cluster:
        live = ("--context", "test", "--kubeconfig", cluster.kubeconfig(folder))
        found = run("convert", str(folder / "repository"), "--gateways", "--format", "json", "-q", *live)
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def test_the_cluster_shows_the_pods_and_the_service(tmp_path: Path) -> None:
    found = converted(tmp_path)
    changes = {(each["action"], each["object"]["kind"], each["object"]["group"].partition(".")[0]) for each in found["changes"]}
    assert {
        ("create", "Gateway", "gateway"),
        ("create", "HTTPRoute", "gateway"),
        ("delete", "Gateway", "networking"),
    } <= changes


def test_a_virtual_service_of_the_cluster_alone_holds_the_gateway_that_it_names(tmp_path: Path) -> None:
    found = converted(tmp_path, manifest("VirtualService", "other", "shop", "networking.istio.io", spec=UNKNOWN))
    assert not [each for each in found["changes"] if "GW902" in each["because"]]
    assert any("VirtualService shop/other stays" in each["reason"] for each in found["held"])
