"""Charts through the real helm: values of whoever installs them, places in the templates, and nothing but the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ambimigrate.convert import convert
from ambimigrate.decode import Reading
from ambimigrate.model import Target
from ambimigrate.render import places
from ambimigrate.sources import renderers
from ambimigrate.sources.helmed import Asked
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_convert import nothing
from tests.test_rendering import objects, tree

pytestmark = pytest.mark.skipif(renderers.find_helm() is None, reason="helm is not on PATH; `make bin` builds it with Go")
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)

TEMPLATE = """\
{{- if .Values.enabled }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-{{ .Values.part.name }}
spec:
  ports: [{port: {{ .Values.part.port }}}]
{{- end }}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routes}
spec:
  hosts: ["{{ .Release.Name }}-cart.{{ .Release.Namespace }}.svc.cluster.local"]
  http: [{timeout: 2s, route: [{destination: {host: "{{ .Release.Name }}-cart"}}]}]
"""
CHART = {
    "charts/shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "charts/shop/values.yaml": "enabled: true\npart: {name: cart, port: 80}\n",
    "charts/shop/templates/all.yaml": TEMPLATE,
    "charts/shop/templates/plain.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: plain}\n",
}
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: one, namespace: argocd}
spec:
  destination: {namespace: store, server: "https://kubernetes.default.svc"}
  source:
    repoURL: https://git.example/shop
    path: charts/shop
    helm:
      valueFiles: [../../env/prod.yaml]
      values: |
        part: {port: 8081}
      parameters: [{name: part.port, value: "8082"}]
"""
FLUX = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: two, namespace: flux-system}
spec:
  targetNamespace: store
  chart: {spec: {chart: ./charts/shop, sourceRef: {kind: GitRepository, name: shop}}}
  valuesFrom: [{kind: ConfigMap, name: more}]
  values: {part: {port: 8083}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: more, namespace: flux-system}
data: {values.yaml: "part: {name: basket, port: 1}"}
"""
HELMFILE = """\
releases:
  - name: three
    namespace: store
    chart: ./charts/shop
    values: [{part: {port: 8084}}]
"""


def read(root: Path, asked: Asked | str = "auto") -> Reading:
    return read_files([str(root)], TARGET, render=asked)


def ports(reading: Reading) -> dict[str, int]:
    return {name: each.body.spec.ports[0].port for name, each in objects(reading).items() if each.kind == "Service"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {"Service /shop-cart": 80}),
        ({"apps/a.yaml": ARGO, "env/prod.yaml": "part: {name: basket}\n"}, {"Service store/one-basket": 8082}),
        ({"apps/a.yaml": FLUX}, {"Service store/store-two-basket": 8083}),
        ({"helmfile.yaml": HELMFILE}, {"Service store/three-cart": 8084}),
    ],
    ids=["alone", "argo", "flux", "helmfile"],
)
def test_values_are_those_of_whoever_installs_it(tmp_path: Path, files: dict[str, str], expected: dict[str, int]) -> None:
    reading = read(tree(tmp_path, CHART | files))
    assert not reading.problems
    assert ports(reading) == expected
    assert reading.counts.not_rendered == []
    assert [each.file for name, each in objects(reading).items() if name.startswith("Namespace")] == [
        f"{tmp_path}/charts/shop/templates/plain.yaml"
    ]


def test_places_are_those_in_the_template_and_hosts_of_an_unknown_namespace_are_short(tmp_path: Path) -> None:
    found = objects(read(tree(tmp_path, CHART)))
    route = found["VirtualService /routes"]
    assert route.body.spec.hosts == ("shop-cart",)
    assert (route.file, route.at("spec", "hosts").line) == (f"{tmp_path}/charts/shop/templates/all.yaml", 11)
    assert found["Service /shop-cart"].at("spec").line == 3


def test_an_application_set_makes_one_release_for_each_element(tmp_path: Path) -> None:
    app_set = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all, namespace: argocd}
spec:
  generators:
  - list: {elements: [{name: red, port: "1"}, {name: blue, port: "2"}]}
  template:
    metadata: {name: "{{name}}"}
    spec:
      destination: {namespace: "{{name}}-space", server: "https://kubernetes.default.svc"}
      source: {path: charts/shop, helm: {parameters: [{name: part.port, value: "{{port}}"}]}}
"""
    assert ports(read(tree(tmp_path, CHART | {"apps/set.yaml": app_set}))) == {
        "Service red-space/red-cart": 1,
        "Service blue-space/blue-cart": 2,
    }


def test_values_of_the_command_line_count_most(tmp_path: Path) -> None:
    root = tree(tmp_path, CHART | {"helmfile.yaml": HELMFILE})
    (tmp_path / "own").write_text("part: {port: 9000}\n")
    assert ports(read(root, Asked("auto", (str(tmp_path / "own"),)))) == {"Service store/three-cart": 9000}
    missing = read(root, Asked("auto", (str(tmp_path / "gone"),)))
    assert ["--helm-values" in each.message for each in missing.problems] == [True]


def test_subcharts_come_with_their_chart_and_libraries_not_at_all(tmp_path: Path) -> None:
    sub = {
        "charts/shop/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
        "charts/shop/charts/sub/templates/s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Chart.Name }}}\n"
        "spec: {ports: [{port: 1}]}\n",
        "lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n",
        "lib/templates/x.yaml": TEMPLATE,
    }
    reading = read(tree(tmp_path, CHART | sub))
    assert ports(reading) == {"Service /shop-cart": 80, "Service /sub": 1}
    assert objects(reading)["Service /sub"].file == f"{tmp_path}/charts/shop/charts/sub/templates/s.yaml"
    assert reading.counts.not_rendered == [f"{tmp_path}/lib/templates/x.yaml"]


def test_dependencies_are_never_downloaded(tmp_path: Path) -> None:
    chart = (
        CHART["charts/shop/Chart.yaml"] + "dependencies: [{name: far, version: 1.0.0, repository: https://charts.example}]\n"
    )
    reading = read(tree(tmp_path, CHART | {"charts/shop/Chart.yaml": chart}))
    assert ["nothing is downloaded: run helm dependency build" in each.message for each in reading.problems] == [True]
    assert reading.counts.not_rendered == [f"{tmp_path}/charts/shop/templates/all.yaml"]


def test_missing_values_are_a_note_where_nobody_installs_the_chart_and_a_problem_where_somebody_does(tmp_path: Path) -> None:
    broken = CHART | {"charts/shop/values.yaml": "enabled: true\n"}
    alone = read(tree(tmp_path / "alone", broken))
    assert not alone.problems
    assert any("--helm-values FILE gives more" in note for note in alone.notes)
    used = read(
        tree(tmp_path / "used", broken | {"apps/a.yaml": ARGO.replace("      valueFiles: [../../env/prod.yaml]\n", "")})
    )
    assert not used.problems  # the values of the Application are all that is missing
    text = ARGO.replace("part", "other").replace("      valueFiles: [../../env/prod.yaml]\n", "")
    failing = read(tree(tmp_path / "failing", broken | {"apps/a.yaml": text}))
    assert ["helm template for Application argocd/one" in each.message for each in failing.problems] == [True]


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", CHART)
    (tmp_path / "secret").write_text("port: 1\n")
    (root / "charts/shop/files").symlink_to(tmp_path / "secret")
    reading = read(root)
    assert any("holds a link that leaves the tree; it was not rendered" in each.message for each in reading.problems)
    assert not ports(reading)


def test_templates_are_never_edited(tmp_path: Path) -> None:
    label = "apiVersion: v1\nkind: Namespace\nmetadata: {name: store, labels: {istio-injection: enabled}}\n"
    pod = "spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: []}}}\n"
    files = {
        "ns.yaml": label,
        "pod.yaml": f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: x, namespace: store}}\n{pod}",
    }
    reading = read(tree(tmp_path, CHART | {"helmfile.yaml": HELMFILE} | files))
    conversion = convert(reading.meshes, (), check=nothing)
    held = [each for each in conversion.held if "templates are never edited" in each.reason]
    assert {each.ref.name for each in held} >= {"three-cart"}
    assert not [each for each in conversion.changes if each.stage > 1]


def test_helm_gets_no_credentials_no_plugins_and_no_network(tmp_path: Path) -> None:
    seen: dict[str, Any] = renderers.environment(tmp_path)
    assert {seen[name] for name in ("HELM_PLUGINS", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")} == {str(tmp_path)}
    assert (seen["KUBECONFIG"], seen["https_proxy"]) == ("/dev/null", "http://127.0.0.1:9")


def test_never_means_never(tmp_path: Path) -> None:
    assert read(tree(tmp_path, CHART), "never").counts.not_rendered == [f"{tmp_path}/charts/shop/templates/all.yaml"]


def test_a_folder_of_templates_below_those_of_a_chart_is_no_chart() -> None:
    files = ("a/web/templates/x.yaml", "a/web/templates/gate/templates/y.yaml", "a/web/charts/db/templates/z.yaml")
    assert places.charts(files) == ("a/web", "a/web/charts/db")
