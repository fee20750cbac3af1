"""Values files of charts that we know: who names them, which value wins, and where each of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ambimigrate.decode import Reading
from ambimigrate.kinds import HelmValues
from ambimigrate.model import Mesh, Target
from ambimigrate.sources.read import read_files
from ambimigrate.topology import flags, meshconfig
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.clusters import reading as of_cluster
from tests.fakecluster import FakeCluster, manifest, serving

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
UMBRELLA = """\
apiVersion: v2
name: mesh
dependencies:
  - {name: istiod, alias: control, version: 1.31.1, repository: "https://charts.example/istio"}
  - {name: cni, version: 1.31.1, repository: "oci://charts.example/istio"}
  - {name: redis, version: 20.0.0, repository: "https://charts.example/others"}
"""
VALUES = """\
global:
  hub: registry.example
control:
  meshConfig:
    accessLogFile: ""
    trustDomain: example.org
cni:
  ambient:
    dnsCapture: false
"""
PROD = """\
control:
  env:
    PILOT_ENABLE_ALPHA_GATEWAY_API: "true"
  meshConfig:
    accessLogFile: /dev/stdout
"""
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: mesh, namespace: argocd}
spec:
  source:
    repoURL: https://git.example/platform
    path: charts/mesh
    helm:
      valueFiles: [values-prod.yaml]
      values: |
        control:
          meshConfig:
            rootNamespace: istio-root
      parameters:
        - {name: control.meshConfig.trustDomain, value: prod.example}
"""
SPACE = {"namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"}


def read(folder: Path, files: Mapping[str, str]) -> Reading:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    reading = read_files([str(folder)], TARGET)
    assert not reading.problems
    return reading


def charts(mesh: Mesh) -> list[str]:
    return [each.body.chart for each in mesh.of(HelmValues)]


def places(mesh: Mesh, folder: Path, *route: str) -> list[str]:
    found = ((each.resource.at(*each.route), each.value) for each in meshconfig.settings(mesh, *route))
    return [f"{place.file.removeprefix(f'{folder}/')}:{place.line}:{place.column} {value}" for place, value in found]


def test_an_umbrella_chart_is_one_release_for_each_values_file_beside_it(tmp_path: Path) -> None:
    files = {"mesh/Chart.yaml": UMBRELLA, "mesh/values.yaml": VALUES, "mesh/values-prod.yaml": PROD, "mesh/values-dev.yaml": ""}
    mesh = read(tmp_path, files).meshes[0]
    assert sorted(charts(mesh)) == ["cni", "cni", "istiod", "istiod"]
    assert places(mesh, tmp_path, "accessLogFile") == ["mesh/values-prod.yaml:5:5 /dev/stdout", "mesh/values.yaml:5:5 "]
    assert flags.dns_capture(mesh) is False
    assert flags.pilot_env(mesh, "PILOT_ENABLE_ALPHA_GATEWAY_API") is True


def test_an_application_decides_which_values_files_count(tmp_path: Path) -> None:
    files = {"apps/mesh.yaml": APPLICATION, "charts/mesh/Chart.yaml": UMBRELLA, "charts/mesh/values.yaml": VALUES}
    reading = read(tmp_path, {**files, "charts/mesh/values-prod.yaml": PROD, "charts/mesh/values-dev.yaml": PROD})
    mesh = reading.meshes[0]
    assert sorted(charts(mesh)) == ["cni", "istiod"]
    assert {str(each.ref) for each in mesh.of(HelmValues)} == {"Application argocd/mesh"}
    assert places(mesh, tmp_path, "accessLogFile") == ["charts/mesh/values-prod.yaml:5:5 /dev/stdout"]
    assert places(mesh, tmp_path, "rootNamespace") == ["apps/mesh.yaml:13:13 istio-root"]
    assert places(mesh, tmp_path, "trustDomain") == ["apps/mesh.yaml:15:11 prod.example"]
    assert reading.counts.skipped["values of a chart"] == 2


def test_values_of_the_parent_reach_the_chart_as_global(tmp_path: Path) -> None:
    mesh = read(tmp_path, {"Chart.yaml": UMBRELLA, "values.yaml": VALUES}).meshes[0]
    for each in mesh.of(HelmValues):
        assert each.body.values["global"] == {"hub": "registry.example"}
        assert each.at("values", "global", "hub").line == 2
        assert each.at("values", "nothing").file == each.file


@pytest.mark.parametrize("odd", ["- a list\n", "a: [\n", "text\n", "\tx: y\n", "{{ template }}\n", ""])
def test_odd_values_are_no_problem_but_hide_what_is_set(tmp_path: Path, odd: str) -> None:
    files = {"apps/mesh.yaml": APPLICATION, "charts/mesh/Chart.yaml": UMBRELLA, "charts/mesh/values-prod.yaml": odd}
    mesh = read(tmp_path, files).meshes[0]
    assert [each.body.whole for each in mesh.of(HelmValues)] == [odd == "", odd == ""] or odd == ""


@pytest.mark.parametrize(
    "odd", ["dependencies: [x, 1, {name: 7}, {name: istiod, condition: 3}]\nname: m\n", "name: 1\n", "[]\n"]
)
def test_an_odd_chart_is_no_problem(tmp_path: Path, odd: str) -> None:
    read(tmp_path, {"Chart.yaml": odd, "values.yaml": VALUES, **SPACE})


def test_charts_of_others_with_a_common_name_are_left_alone(tmp_path: Path) -> None:
    files = {"Chart.yaml": UMBRELLA.replace("example/istio", "example/others"), "values.yaml": VALUES}
    assert charts(read(tmp_path, files).meshes[0]) == ["istiod"]


def test_a_chart_that_another_one_brings_along_says_nothing_of_its_own(tmp_path: Path) -> None:
    files = {"Chart.yaml": "name: all\n", "charts/mesh/Chart.yaml": UMBRELLA, "charts/mesh/values.yaml": VALUES}
    assert charts(read(tmp_path, {**files, **SPACE}).meshes[0]) == []


def test_a_cluster_shows_what_argo_cd_and_flux_install(tmp_path: Path) -> None:
    flux = manifest(
        "HelmRelease",
        "istiod",
        "istio-system",
        "helm.toolkit.fluxcd.io",
        spec={"chart": {"spec": {"chart": "istiod"}}, "values": {"meshConfig": {"trustDomain": "a.example"}}},
    )
    argo = manifest(
        "Application",
        "cilium",
        "argocd",
        "argoproj.io",
        spec={"source": {"chart": "cilium", "helm": {"valuesObject": {"cni": {"exclusive": False}}}}},
    )
    with serving(FakeCluster([flux, argo])) as cluster:
        mesh = of_cluster(cluster, tmp_path).meshes[0]
    assert sorted(charts(mesh)) == ["cilium", "istiod"]
    assert meshconfig.trust_domain(mesh) == "a.example"
