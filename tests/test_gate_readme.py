"""What the README says about the gate in CI is run as written: the workflow, the include, the hook and the commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ambimigrate import __version__
from tests.gated import PORT_MODE, QUIET, Repository, began, namespace
from tests.test_gate_action import ROOT, installed, runner

LINES = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
PROGRAMS = "/tmp/venv/bin/"  # where the job of .gitlab/gate.yml installs


def blocks() -> Iterator[str]:
    """The indented blocks of the README."""
    block: list[str] = []
    for line in (*LINES, "end"):
        if line.startswith("    ") or (block and not line):
            block.append(line[4:])
        elif block:
            yield "\n".join(block).strip("\n") + "\n"
            block = []


def shown(first: str) -> Any:
    """The YAML of the block that begins with a key, or a skipped test where the README has none."""
    for block in blocks():
        if block.startswith(first):
            return yaml.load(block, yaml.BaseLoader)
    pytest.skip(f"README.md has no block that begins with `{first}`")


def commands(marker: str) -> list[str]:
    """The commands of the block that holds a text."""
    block = next((each for each in blocks() if marker in each), "")
    if not block:
        pytest.skip(f"README.md has no block with `{marker}`")
    return [line.partition("#")[0].strip() for line in block.splitlines()]


@pytest.fixture
def pull(tmp_path: Path) -> Repository:
    """A pull request that is as bad as its base is good."""
    (tmp_path / "repository").mkdir()
    made = began(tmp_path / "repository")
    made.git("update-ref", "refs/remotes/origin/main", "main")
    made.commit({"mode.yaml": PORT_MODE}, branch="feature")
    return made


def ran(repository: Repository, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell where `ambimigrate` is this one."""
    programs = repository.root.parent / "programs"
    programs.mkdir(exist_ok=True)
    script = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m ambimigrate "$@"\n'
    (programs / "ambimigrate").write_text(script)
    (programs / "ambimigrate").chmod(0o755)
    env = {**os.environ, **QUIET, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **more}
    line = command.replace(PROGRAMS, f"{programs}/")
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=repository.root, env=env)


@pytest.mark.parametrize("is_bad", [False, True])
def test_the_workflow_of_github(pull: Repository, tmp_path: Path, is_bad: bool) -> None:
    workflow = shown("on: pull_request")
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    checkout, step = job["steps"]
    assert checkout["with"]["fetch-depth"] == "0"
    assert step["uses"].endswith(f"@v{__version__}")
    if not is_bad:
        pull.commit({"mode.yaml": None}, branch="feature")
    made = installed(runner(pull, tmp_path / "tmp", **step.get("with", {})))
    made.run()
    assert made.failed == is_bad, made.log
    assert made.outputs["gate"]["verdict"] == ("failed" if is_bad else "passed")


def test_the_include_of_gitlab(pull: Repository) -> None:
    (include,) = shown("include:\n  - project")["include"]
    head, job = yaml.safe_load_all((ROOT / include["file"]).read_text())
    inputs = head["spec"]["inputs"]
    assert include["inputs"].keys() <= inputs.keys()
    assert include["ref"] == include["inputs"]["version"] == f"v{__version__}"
    given = {name: include["inputs"].get(name, each.get("default")) for name, each in inputs.items()}
    assert None not in given.values(), "every input without a default is given"
    (line,) = job["ambimigrate"]["script"]
    script = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: given[found[1]], line)
    base = pull.git("rev-parse", "main")
    env = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(pull.root), "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    run = ran(pull, script, **env)
    assert run.returncode == 1, run.stderr
    issues = json.loads((pull.root / job["ambimigrate"]["artifacts"]["reports"]["codequality"]).read_text())
    assert "PA001" in {each["check_name"] for each in issues}


def test_the_hook_of_pre_commit(pull: Repository) -> None:
    (source,) = shown("repos:\n  - repo")["repos"]
    assert source["rev"] == f"v{__version__}"
    hooks = {each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    for wanted in source["hooks"]:
        hook = hooks[wanted["id"]]
        line = shlex.join((*hook["entry"].split(), *wanted.get("args", hook.get("args", []))))
        assert ran(pull, line).returncode == 0
        pull.write({"one-more.yaml": PORT_MODE.replace("name: web", "name: more", 1)})
        assert ran(pull, line).returncode == 1


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    made = began(tmp_path / "repository")
    first, *others = commands("ambimigrate gate --init")
    run = ran(made, first)
    assert run.returncode == 0, run.stderr
    made.commit({"more.yaml": namespace("more")})
    for line in others:
        assert ran(made, line).returncode == 0
