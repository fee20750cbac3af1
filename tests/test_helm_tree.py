"""Charts that other files of the tree bring in: `helmCharts` of kustomizations, and charts beside the one that needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ambimigrate.kinds import VirtualService
from ambimigrate.model import Target
from ambimigrate.sources import renderers
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.test_rendering import tree

pytestmark = pytest.mark.skipif(renderers.find_helm() is None, reason="helm is not on PATH; `make bin` builds it with Go")
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)

KUSTOMIZED = {
    "app/kustomization.yaml": """\
namespace: shop
helmCharts:
  - name: web
    releaseName: web
    valuesInline: {host: two}
""",
    "app/charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "app/charts/web/values.yaml": "host: one\n",
    "app/charts/web/templates/vs.yaml": """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: {{ .Release.Name }}}
spec: {hosts: [{{ .Values.host }}], http: [{route: [{destination: {host: {{ .Values.host }}}}]}]}
""",
}


@pytest.mark.skipif(renderers.find() is None, reason="neither kustomize nor kubectl is on PATH")
def test_charts_of_a_kustomization_are_rendered_once_where_they_are_in_the_tree(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", KUSTOMIZED)
    reading = read_files([str(root)], TARGET, render="always")
    assert not reading.problems
    (vs,) = reading.meshes[0].of(VirtualService)
    assert (vs.namespace, vs.name, vs.body.spec.hosts) == ("shop", "web", ("two",))
    assert not reading.counts.not_rendered


def test_a_chart_of_a_kustomization_that_is_not_in_the_tree_is_a_problem(tmp_path: Path) -> None:
    pulled = KUSTOMIZED["app/kustomization.yaml"] + "    repo: https://charts.example\n    version: 1.2.3\n"
    root = tree(tmp_path / "in", KUSTOMIZED | {"app/kustomization.yaml": pulled})
    (problem,) = [each for each in read_files([str(root)], TARGET, render="always").problems if "helmCharts" in each.message]
    place = f"{root}/app/charts/web-1.2.3/web"
    assert problem.message == f"chart web of `helmCharts` is not in the tree at {place} and is not downloaded: it was not read"
    assert (problem.file, problem.line) == (f"{root}/app/kustomization.yaml", 2)
    assert not (root / "app" / "charts" / "web-1.2.3").exists()


def test_a_chart_of_the_tree_that_another_one_depends_on_is_read_with_it(tmp_path: Path) -> None:
    files = {f"lib/web/{name.removeprefix('app/charts/web/')}": text for name, text in KUSTOMIZED.items() if "charts" in name}
    files |= {
        "all/Chart.yaml": """\
apiVersion: v2
name: all
version: 1.0.0
dependencies: [{name: web, version: 1.0.0, repository: "file://../lib/web"}]
""",
        "all/values.yaml": "web: {host: three}\n",
    }
    root = tree(tmp_path / "in", files)
    reading = read_files([str(root)], TARGET, render="always")
    assert not reading.problems
    (vs,) = reading.meshes[0].of(VirtualService)
    assert vs.body.spec.hosts == ("three",)
    assert (vs.file, vs.at().line) == (f"{root}/lib/web/templates/vs.yaml", 2)
    assert not (root / "all" / "charts").exists()
