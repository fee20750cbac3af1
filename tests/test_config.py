"""The configuration file: found upwards, every error at once with its line, and what it changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ambimigrate.sources.config import ConfigError, find, load, load_text

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


# --- rules, severities, suppressions --------------------------------------------------------------------------------


FAULTY = """\
rules: {VS0011: off, NP001: loud, VS901: off}
overrides:
- {rules: {VS001: off}}
- {paths: [a], nmaespaces: [b]}
failOn: sometimes
migrated: [a/b/c]
suppressions:
- {id: VS001, name: x}
- {id: [VS001, ZZ999], because: x, until: 2027-02-30}
- {id: VS001, because: x, until: soon}
- {id: VS001, because: ' '}
"""


def test_all_faults_of_rules_and_suppressions_at_once_with_their_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_text("base:.ambimigrate.yaml", FAULTY, tmp_path)
    lines = str(error.value).splitlines()
    assert all(line.startswith("base:.ambimigrate.yaml:") for line in lines)
    for number, said in (
        (1, "no rule 'VS0011'; did you mean 'VS0"),
        (1, "'loud' is not one of"),
        (1, "VS901 is a reason of convert"),
        (3, "needs paths or namespaces"),
        (4, "'nmaespaces'; did you mean 'namespaces'"),
        (5, "'sometimes' is not one of"),
        (6, "'a/b/c' does not match"),
        (8, "'because' is a required property"),
        (9, "'ZZ999'"),
        (9, "2027-02-30 is no day"),
        (10, "'soon' does not match"),
        (11, "' ' does not match"),
    ):
        assert any(f":{number}: " in line and said in line for line in lines), (number, said, lines)


def test_what_a_text_says(tmp_path: Path) -> None:
    text = "rules: {VS001: off, VS002: info}\nmigrated: [a, prod/b]\nsuppressions: [{id: VS001, name: x, because: z}]\n"
    config = load_text("x", text.replace("\n", "\r\n"), tmp_path)
    assert config.levels.rules == {"VS001": "off", "VS002": "info"}
    assert config.is_migrated("stage", "a")
    assert config.is_migrated("prod", "b")
    assert not config.is_migrated("stage", "b")
    assert config.suppressions[0].position[:2] == ("x", 3)
    assert load_text("x", "", tmp_path).suppressions == ()
    assert config.relative(str(tmp_path / "sub" / "a.yaml")) == "sub/a.yaml"
    assert config.relative("/elsewhere/a.yaml") is None
    assert config.relative("cluster/a/Service/b") is None


def test_fail_on_of_the_configuration_and_of_the_command_line(tree: Path) -> None:
    assert scan(str(tree))[0] == 0
    (tree / ".ambimigrate.yaml").write_text("failOn: info\n")
    level = scan(str(tree))[0]
    found = scan(str(tree))[1]["findings"]
    assert level == int(bool(found))
    assert scan(str(tree), "--fail-on", "never")[0] == 0


def test_the_schema_is_printed_for_editors_and_is_one() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ambimigrate", "rules", "--config-schema"], capture_output=True, text=True, check=True
    )
    schema = json.loads(run.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert all("description" in each or "$ref" in each for each in schema["properties"].values())
