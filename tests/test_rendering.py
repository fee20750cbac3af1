"""Kustomizations through the real renderer: patches and generators apply, positions stay, and nothing leaves the tree."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.decode import Reading
from ambimigrate.layout.rendered import differing
from ambimigrate.model import Target
from ambimigrate.sources import renderers
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

needs_renderer = pytest.mark.skipif(renderers.find() is None, reason="neither kustomize nor kubectl is on PATH")
TARGET = Target(NEWEST, NEWEST_GATEWAY_API, "standard", None, None)

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: b}
spec: {ports: [{port: 80}]}
"""


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def read(root: Path, render: str = "always") -> Reading:
    return read_files([str(root)], TARGET, render=render)


def objects(reading: Reading) -> dict[str, Any]:
    return {f"{each.kind} {each.namespace}/{each.name}": each for mesh in reading.meshes for each in mesh.resources}


PATCHED = {
    "base/all.yaml": SERVICES,
    "base/kustomization.yaml": "resources: [all.yaml]\n",
    "prod/kustomization.yaml": """\
resources: [../base]
namespace: shop
namePrefix: p-
patches:
- target: {kind: Service, name: a}
  patch: |
    - op: replace
      path: /spec/ports/0/port
      value: 81
""",
}


@needs_renderer
def test_a_patch_applies_and_positions_stay_those_of_the_source(tmp_path: Path) -> None:
    reading = read(tree(tmp_path, PATCHED))
    assert not reading.problems
    found = objects(reading)
    assert found.keys() == {"Service shop/p-a", "Service shop/p-b"}
    patched, plain = found["Service shop/p-a"], found["Service shop/p-b"]
    assert patched.body.spec.ports[0].port == 81
    assert patched.overlaid == (("spec", "ports", 0, "port"),)
    assert (patched.at("spec").file, patched.at("spec").line) == (str(tmp_path / "base/all.yaml"), 4)
    assert plain.overlaid == ()
    assert plain.at("spec").line == 9


@needs_renderer
def test_what_a_patch_takes_out_is_not_read_and_what_a_generator_makes_is(tmp_path: Path) -> None:
    more = """\
configMapGenerator: [{name: istio, literals: ["mesh=trustDomain: own"]}]
patches:
- patch: |
    $patch: delete
    apiVersion: v1
    kind: Service
    metadata: {name: b}
"""
    files = PATCHED | {"prod/kustomization.yaml": f"resources: [../base]\nnamespace: shop\n{more}"}
    found = objects(read(tree(tmp_path, files)))
    made = next(each for name, each in found.items() if name.startswith("ConfigMap shop/istio-"))
    assert made.at("data").file == str(tmp_path / "prod/kustomization.yaml")
    assert "Service shop/b" not in found
    assert "Service shop/a" in found


@needs_renderer
def test_one_base_under_two_overlays_gives_each_its_own(tmp_path: Path) -> None:
    other = PATCHED["prod/kustomization.yaml"].replace("81", "82").replace("shop", "stage")
    files = {
        "base/all.yaml": SERVICES,
        "base/kustomization.yaml": PATCHED["base/kustomization.yaml"],
        "overlays/prod/kustomization.yaml": PATCHED["prod/kustomization.yaml"].replace("../base", "../../base"),
        "overlays/staging/kustomization.yaml": other.replace("../base", "../../base"),
    }
    reading = read(tree(tmp_path, files))
    ports = {
        (mesh.name, each.namespace, each.body.spec.ports[0].port)
        for mesh in reading.meshes
        for each in mesh.resources
        if each.name == "p-a"
    }
    assert ports == {("prod", "shop", 81), ("staging", "stage", 82)}


def test_without_a_renderer_patches_are_problems(tmp_path: Path) -> None:
    reading = read(tree(tmp_path, PATCHED), "never")
    assert ["an inline patch changes Service" in each.message for each in reading.problems] == [True]


@needs_renderer
def test_a_build_that_fails_is_a_problem_with_its_reason_and_costs_nothing_else(tmp_path: Path) -> None:
    files = PATCHED | {
        "broken/kustomization.yaml": "resources: [../base]\nconfigMapGenerator: [{name: s, envs: [missing.env]}]\n",
    }
    reading = read(tree(tmp_path, files))
    assert [each.file for each in reading.problems if "missing.env" in each.message] == [
        str(tmp_path / "broken/kustomization.yaml")
    ]
    assert "Service shop/p-a" in objects(reading)


@pytest.mark.parametrize("base", ["https://example.com/base", "github.com/example/repo//base?ref=v1"])
def test_a_remote_base_is_a_problem_and_is_never_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a renderer was run")

    monkeypatch.setattr(subprocess, "run", refuse)
    files = PATCHED | {"prod/kustomization.yaml": PATCHED["prod/kustomization.yaml"].replace("../base", base)}
    reading = read(tree(tmp_path, files))
    assert any(f"remote resource {base}" in each.message for each in reading.problems)


@needs_renderer
def test_what_lies_outside_of_the_tree_is_not_rendered(tmp_path: Path) -> None:
    inside = tree(
        tmp_path / "in", {"prod/kustomization.yaml": PATCHED["prod/kustomization.yaml"].replace("../base", "../../out")}
    )
    tree(tmp_path, {"out/all.yaml": SERVICES, "out/kustomization.yaml": "resources: [all.yaml]\n"})
    reading = read(inside)
    assert not objects(reading)
    assert any("../../out is not in the tree" in each.message for each in reading.problems)


def test_a_renderer_gets_no_credentials_and_no_network(tmp_path: Path) -> None:
    script = tmp_path / "kustomize"
    script.write_text(f"#!{sys.executable}\nimport json, os\nprint(json.dumps(dict(os.environ)))\n")
    script.chmod(0o755)
    found = renderers.Kustomize((str(script), "build")).build(tmp_path)
    assert isinstance(found, renderers.Built)
    seen = json.loads(found.text)
    assert seen["KUBECONFIG"] == "/dev/null"
    assert seen["https_proxy"] == "http://127.0.0.1:9"
    assert seen["PATH"] == seen["HOME"] != str(Path.home())
    assert not {"AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "GITHUB_TOKEN"} & seen.keys()


def test_a_renderer_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "_SECONDS", 0.2)
    found = renderers.Kustomize((str(shutil.which("sh")), "-c", "exec /bin/sleep 60")).build(tmp_path)
    assert found == renderers.Failed("gave no answer within 0.2 seconds")


@needs_renderer
def test_the_command_line_says_which(tmp_path: Path) -> None:
    tree(tmp_path, PATCHED)

    def scan(*options: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "ambimigrate", "scan", "--format", "json", str(tmp_path), *options]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.returncode, json.loads(run.stdout) if run.stdout else {}

    assert scan()[0] == 0
    assert scan("--render", "always")[1]["problems"] == []
    assert scan("--render", "never")[0] == 2
    assert scan("--render", "perhaps") == (2, {})


def test_differing_names_the_routes() -> None:
    before = {"a": 1, "b": [1, {"c": 2}], "d": {"e": 1}, "same": [1]}
    after = {"a": 2, "b": [1, {"c": 3}], "d": {"e": 1, "f": 2}, "same": [1]}
    assert set(differing(before, after)) == {("a",), ("b", 1, "c"), ("d", "f")}
    assert set(differing({"l": [1]}, {"l": [1, 2]})) == {("l",)}
