"""Where documents belong: environments by the names of folders, and kustomizations as kustomize itself builds them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ambimigrate.decode import Reading
from ambimigrate.kinds import Deployment, Namespace, Service, VirtualService
from ambimigrate.layout.environments import environment, environments
from ambimigrate.model import Mesh, Resource, Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.conftest import FIXTURES

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
TREES = [FIXTURES / "repos" / "shop", *sorted((FIXTURES / "reading" / "kustomize").iterdir())]
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def write(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(root)


def read(root: Path, files: dict[str, str]) -> Reading:
    return read_files([write(root, files)], TARGET)


def service(name: str, namespace: str = "") -> str:
    where = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}{where}}}\n"


def names(mesh: Mesh) -> list[str]:
    return sorted(f"{each.namespace}/{each.name}" for each in mesh.resources)


# --- kustomize


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH: nothing to compare with")
@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.name)
def test_kustomize_builds_the_same_objects(tree: Path, tmp_path: Path) -> None:
    reading = read_files([str(tree)], TARGET)
    assert not reading.problems
    roots = top_folders(tree, reading)
    assert set(roots) == {mesh.name for mesh in reading.meshes}
    for mesh in reading.meshes:
        built = "---\n".join(kustomize(root) for root in roots[mesh.name])
        theirs = read(tmp_path / mesh.name, {"built.yaml": built}).meshes[0]
        assert counted(mesh) == counted(theirs)


def top_folders(tree: Path, reading: Reading) -> dict[str, list[str]]:
    """The kustomizations that no other one names, by mesh."""
    folders = {str(path.parent) for path in tree.rglob("kustomization.y*ml") if "kind: Component" not in path.read_text()}
    named = {
        str((path.parent / entry).resolve())
        for path in tree.rglob("kustomization.y*ml")
        for line in path.read_text().replace("[", "\n- ").replace("]", "\n").replace(",", "\n- ").splitlines()
        if (entry := line.strip().removeprefix("- ").strip()) and "/" in entry + "/" and ":" not in entry
    }
    found: dict[str, list[str]] = defaultdict(list)
    assert reading.layout
    for folder in sorted(folders - {each for each in folders if str(Path(each).resolve()) in named}):
        for mesh in reading.layout.meshes_of(f"{folder}/x"):
            found[mesh].append(folder)
    return found


def kustomize(folder: str) -> str:
    return subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True).stdout


def counted(mesh: Mesh) -> Counter[str]:
    return Counter(f"{each.ref} {json.dumps(body(each), sort_keys=True)}" for each in mesh.resources)


def body(resource: Resource[Any]) -> Any:
    """As read; kustomize gives a namespace also to cluster-scoped kinds that it does not know."""
    tree = json.loads(msgspec.json.encode(resource.body), parse_int=float)  # kustomize writes 20.0 as 20
    if not type(resource.body).NAMESPACED:
        tree["metadata"].pop("namespace", None)
    return tree


def test_one_base_stands_for_an_object_in_each_overlay(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {
            "base/kustomization.yaml": KUSTOMIZATION + "resources: [api.yaml]\n",
            "base/api.yaml": service("api"),
            "overlays/prod/kustomization.yaml": KUSTOMIZATION + "resources: [../../base]\nnamespace: live\n",
            "overlays/staging/kustomization.yaml": KUSTOMIZATION + "resources: [../../base]\nnamePrefix: x-\nnamespace: st\n",
        },
    )
    assert {mesh.name: names(mesh) for mesh in reading.meshes} == {"prod": ["live/api"], "staging": ["st/x-api"]}
    assert reading.counts.objects == {"Service": 1}
    assert not reading.problems


def test_circle_of_kustomizations_ends(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {
            "a/kustomization.yaml": KUSTOMIZATION + "resources: [../b, api.yaml]\nnamespace: x\n",
            "a/api.yaml": service("api"),
            "b/kustomization.yaml": KUSTOMIZATION + "resources: [../a]\n",
        },
    )
    assert names(reading.meshes[0]) == ["/api"]


def test_what_a_kustomization_cannot_be_followed_into_is_a_problem_with_its_line(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {
            "kustomization.yaml": KUSTOMIZATION
            + "namespace: x\nresources:\n- api.yaml\n- gone.yaml\n- https://example.com/base?ref=v1\nhelmCharts:\n- name: a\n"
            + "patches:\n- path: patch.yaml\n- path: lost.yaml\n- patch: |-\n    kind: ConfigMap\n    metadata: {name: x}\n",
            "api.yaml": service("api"),
            "patch.yaml": service("api") + "spec: {clusterIP: None}\n",
        },
    )
    found = sorted((problem.line, problem.message) for problem in reading.problems)
    assert [(line, message.split(" is ")[0]) for line, message in found if "ConfigMap" not in message] == [
        (4, "remote resource https://example.com/base?ref=v1"),
        (4, "resource gone.yaml"),
        (8, "chart a of `helmCharts`"),
        (10, "patch lost.yaml"),
        (10, "patch patch.yaml changes Service and"),
    ]
    assert names(reading.meshes[0]) == ["x/api"]


def test_odd_kustomizations_do_no_harm(tmp_path: Path) -> None:
    odd = (
        "resources: api.yaml\nbases: {a: 1}\ncomponents: [1, ~, [x]]\nlabels: [1, {pairs: x}]\ncommonLabels: [a]\npatches: 7\n"
    )
    reading = read(tmp_path, {"kustomization.yaml": odd, "a/kustomization.yaml": "- x\n", "api.yaml": service("api")})
    assert names(reading.meshes[0]) == ["/api"]


def test_object_of_a_wrong_type_passes_the_transformers_to_become_a_problem(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {
            "kustomization.yaml": KUSTOMIZATION
            + "resources: [api.yaml]\nnamespace: x\nnamePrefix: a-\ncommonLabels: {a: b}\ncommonAnnotations: {c: d}\n",
            "api.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, labels: 3}\nspec: {template: [1]}\n",
        },
    )
    assert [(problem.line, problem.kind) for problem in reading.problems] in ([(3, "Deployment")], [(4, "Deployment")])


# --- environments


def test_environments_by_names_of_folders() -> None:
    files = ["overlays/prod/a", "overlays/base/a", "clusters/east/a", "app/dev/a", "app/production/a", "lib/test/a", "x/prod/a"]
    assert environments(files) == {
        "overlays/prod": "prod",
        "clusters/east": "east",
        "app/dev": "dev",
        "app/production": "prod",
    }


def test_outermost_environment_counts() -> None:
    known = {"clusters/east": "east", "clusters/east/prod": "prod"}
    assert environment("clusters/east/prod/x.yaml", known) == "east"
    assert environment("base/x.yaml", known) is None


def test_repeated_objects_stay_apart_and_the_nearest_one_is_found(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {
            "a/one/api.yaml": service("api", "x"),
            "a/two/api.yaml": service("api", "x"),
            "a/two/deep/more.yaml": service("more", "x"),
        },
    )
    mesh = reading.meshes[0]
    assert names(mesh) == ["x/api", "x/api", "x/more"]
    found = mesh.find(Service, "x", "api", near=f"{tmp_path}/a/two/deep/more.yaml")
    assert found
    assert found.file == f"{tmp_path}/a/two/api.yaml"


def test_what_belongs_to_no_environment_is_shared_by_all(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {"common/a.yaml": service("a", "x"), "envs/one/b.yaml": service("b", "x"), "envs/two/b.yaml": service("b", "x")},
    )
    assert {mesh.name: names(mesh) for mesh in reading.meshes} == {"one": ["x/a", "x/b"], "two": ["x/a", "x/b"]}
    assert [each.shared for each in reading.meshes[0].resources] == [True, False]


def test_names_of_the_demo_follow_its_overlays() -> None:
    reading = read_files([str(FIXTURES / "repos" / "shop")], TARGET)
    assert [mesh.name for mesh in reading.meshes] == ["prod", "staging"]
    for mesh in reading.meshes:
        for kind in (Deployment, Namespace, Service, VirtualService):
            assert mesh.of(kind), (mesh.name, kind)


WHOLE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
"""
PART = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {labels: {a: b}}}}\n"


def test_a_patch_that_no_kustomization_names_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "patch.yaml").write_text(PART)
    (alone,) = read_files([str(tmp_path)], TARGET).meshes[0].resources
    assert alone.file.endswith("patch.yaml")  # without a whole object beside it, it is what there is
    (tmp_path / "web.yaml").write_text(WHOLE)
    reading = read_files([str(tmp_path)], TARGET)
    (whole,) = reading.meshes[0].resources
    assert whole.file.endswith("web.yaml")
    assert reading.counts.objects == {"Deployment": 2}
    said = f"{tmp_path}/patch.yaml:1 is taken for a patch of Deployment web of {tmp_path}/web.yaml: it is no whole object"
    assert f"{said} by itself." in reading.notes
    (tmp_path / "kustomization.yaml").write_text("resources: [patch.yaml]\n")
    assert len(read_files([str(tmp_path)], TARGET).meshes[0].resources) == 2  # what is applied is an object
