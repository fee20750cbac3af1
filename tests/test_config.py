"""The configuration file: found upwards, every error at once with its line, and what it changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.sources.config import ConfigError, find, load

MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
"""


def scan(*arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "ambimigrate", "scan", "--format", "json", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.returncode, json.loads(run.stdout) if run.stdout else {}, run.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    for name in ("east", "west", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "namespace.yaml").write_text(MESH)
    return tmp_path


def test_found_upwards_but_never_above_the_git_root(tree: Path) -> None:
    (tree / ".ambimigrate.yaml").write_text("namespace: shop\n")
    assert find(str(tree / "east")) == tree / ".ambimigrate.yaml"
    (tree / "east" / ".git").mkdir()
    assert find(str(tree / "east")) is None


def test_meshes_and_target_and_exclude(tree: Path) -> None:
    meshes = "meshes:\n- {name: e, paths: [east], target: {istio: '1.29.1'}}\n- {name: w, paths: [west]}\n"
    text = f"target: {{istio: '1.27'}}\nexclude: [old]\n{meshes}"
    (tree / ".ambimigrate.yaml").write_text(text)
    code, report, _ = scan(str(tree))
    assert code == 0
    assert report["input"]["meshes"] == ["e", "w"]
    assert report["input"]["skipped"]["excluded by configuration"] == 1
    assert report["input"]["objects"]["Namespace"] == 2
    assert scan(str(tree), "--mesh", "e")[1]["target"]["istio"] == "1.29.1"
    assert scan(str(tree), "--mesh", "w")[1]["target"]["istio"] == "1.27.9"
    assert scan(str(tree), "--mesh", "w", "--istio-version", "1.31.0")[1]["target"]["istio"] == "1.31.0"
    code, _, message = scan(str(tree), "--mesh", "north")
    assert code == 2
    assert "e, w" in message


def test_every_error_at_once_with_line_and_nearest_key(tree: Path) -> None:
    path = tree / ".ambimigrate.yaml"
    path.write_text("targets: {}\nmeshes:\n- name: e\n  path: [east]\n")
    with pytest.raises(ConfigError) as error:
        load(path)
    lines = str(error.value).splitlines()
    assert any(":1: unknown key 'targets'; did you mean 'target'?" in line for line in lines)
    assert any(":4: unknown key 'path'; did you mean 'paths'?" in line for line in lines)
    code, _, message = scan(str(tree))
    assert code == 2
    assert "did you mean 'target'?" in message
    assert "Traceback" not in message


@pytest.mark.parametrize("text", ["a: [", "namespace: x\nnamespace: y\n", "- a\n", "target: {istio: latest}\n"])
def test_faulty_files_are_one_clear_message(tree: Path, text: str) -> None:
    (tree / ".ambimigrate.yaml").write_text(text)
    code, _, message = scan(str(tree))
    assert code == 2
    assert ".ambimigrate.yaml:" in message
    assert "Traceback" not in message
