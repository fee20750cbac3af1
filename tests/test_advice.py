"""Advice for the mesh as a whole: each situation is said where its findings are, and names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.advice import Advice
from ambimigrate.model import Target
from ambimigrate.report import report
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1"}]}
"""
ROUTE = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{timeout: 3s, route: [{destination: {host: web}}]}]}
"""
MACHINE = """\
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: vm, namespace: shop}
spec: {template: {serviceAccount: vm}, metadata: {labels: {app: vm}}}
"""
FILTER = """\
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: lua, namespace: NAMESPACE}
spec:
  configPatches:
    - applyTo: HTTP_FILTER
      match: {context: SIDECAR_INBOUND}
      patch: {operation: INSERT_BEFORE, value: {name: envoy.filters.http.lua}}
"""
REMOTE = """\
---
apiVersion: v1
kind: Secret
metadata:
  name: istio-remote-secret-west
  namespace: istio-system
  labels:
    istio/multiCluster: "true"
"""
NODE = """\
---
apiVersion: v1
kind: Node
metadata: {name: small}
status: {allocatable: {cpu: 1, memory: 2Gi}}
"""
OUTSIDE = SHOP.replace("istio-injection: enabled", "team: shop")


def advised(folder: Path, text: str, version: str = "") -> dict[str, Advice]:
    (folder / "mesh.yaml").write_text(text)
    target = Target(parse(version) if version else NEWEST, NEWEST_GATEWAY_API)
    return {each.situation: each for each in report(read_files([str(folder)], target)).advice}


@pytest.mark.parametrize(
    ("text", "situation", "because"),
    [
        (OUTSIDE, "No namespace has sidecars", set()),
        (SHOP, "Mostly L4", set()),
        (SHOP + ROUTE, "Mostly HTTP rules", {"VS001"}),
        (SHOP + FILTER.replace("NAMESPACE", "shop"), "Heavy use of EnvoyFilter or Wasm", {"EF001"}),
        (SHOP + FILTER.replace("NAMESPACE", "istio-system"), "Heavy use of EnvoyFilter or Wasm", {"EF001"}),
        (SHOP + REMOTE, "Several clusters", {"MC004"}),
        (SHOP + MACHINE, "Workloads on virtual machines", {"WE001"}),
        (SHOP + NODE, "Few resources per node", {"PF017"}),
    ],
)
def test_a_situation_is_told_with_the_findings_that_lead_to_it(
    tmp_path: Path, text: str, situation: str, because: set[str]
) -> None:
    found = advised(tmp_path, text)
    assert because <= set(found[situation].because)
    assert found[situation].recommendation.endswith(".")
    others = {"Heavy use of EnvoyFilter or Wasm", "Several clusters", "Workloads on virtual machines", "Few resources per node"}
    assert others & found.keys() <= {situation}


def test_a_filter_of_few_namespaces_is_no_heavy_use(tmp_path: Path) -> None:
    many = "".join(f"---\n{SHOP.replace('shop', f'shop-{number}')}" for number in range(5))
    assert "Heavy use of EnvoyFilter or Wasm" not in advised(tmp_path, many + FILTER.replace("NAMESPACE", "shop-1"))


def test_the_state_of_several_clusters_is_that_of_the_target(tmp_path: Path) -> None:
    assert "is unsupported in Istio 1.24.6" in advised(tmp_path, SHOP + REMOTE, "1.24")["Several clusters"].recommendation
    assert f"is beta in Istio {NEWEST}" in advised(tmp_path, SHOP + REMOTE)["Several clusters"].recommendation


def test_pods_of_gateways_keep_their_proxies_and_are_no_namespace_to_start_with(tmp_path: Path) -> None:
    gateway = """
---
apiVersion: v1
kind: Namespace
metadata: {name: edge, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge, namespace: edge}
spec:
  selector: {matchLabels: {istio: edge}}
  template:
    metadata: {labels: {istio: edge}, annotations: {inject.istio.io/templates: gateway}}
    spec: {containers: [{name: istio-proxy, image: auto}]}
"""
    (tmp_path / "alone").mkdir()
    (tmp_path / "both").mkdir()
    assert "Mostly L4" not in advised(tmp_path / "alone", gateway)
    assert advised(tmp_path / "both", SHOP + gateway)["Mostly L4"].recommendation.startswith("No namespace needs a waypoint")
