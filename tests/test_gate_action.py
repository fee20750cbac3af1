"""The action's steps, run as a runner runs them: expressions, environment, outputs and summary, on real repositories."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct, field

from tests.gated import FAULT, PORT_MODE, QUIET, Repository, namespace

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
WORD = re.compile(r"'[^']*'|[\w.-]+\(\)|[\w.-]+|&&|\|\||[=!]=|[!()]")


class Runner(Struct):
    """A runner of GitHub for one job; `hits` says whether caches are found, `gh` what its command line does."""

    repository: Repository
    folder: Path
    inputs: dict[str, str]
    environment: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    log: str = ""
    failed: bool = False

    def value(self, word: str) -> Any:
        """A word of an expression."""
        if word.startswith("'"):
            return word[1:-1]
        scope, *names = word.split(".")
        known: dict[str, Any] = {
            "github": {"token": "", "sha": "1" * 40, "workspace": str(self.repository.root), "action_path": str(ROOT)},
            "inputs": self.inputs,
            "steps": {id: {"outputs": found} for id, found in self.outputs.items()},
        }
        found: Any = known[scope]
        for name in names:
            found = found.get(name, {}) if isinstance(found, dict) else ""
        return found if isinstance(found, str) else ""

    def evaluated(self, expression: str) -> Any:
        """An expression of the few forms that the action uses."""
        words = {"&&": "and", "||": "or", "!": "not ", "cancelled()": "False", "(": "(", ")": ")", "==": "==", "!=": "!="}
        python = " ".join(words[each] if each in words else repr(self.value(each)) for each in WORD.findall(expression))
        return eval(python)

    def filled(self, text: str) -> str:
        return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda found: str(self.evaluated(found[1])), text)

    def run(self) -> None:
        for step in STEPS:
            condition = step.get("if", "").removeprefix("${{").removesuffix("}}")
            if (self.failed and "cancelled()" not in condition) or (condition and not self.evaluated(condition)):
                continue
            if "uses" in step:
                self._use(step)
            else:
                self._shell(step)

    def _use(self, step: Mapping[str, Any]) -> None:
        """Another action: a cache is restored, where the test has filled it; code scanning lacks the permission."""
        self.used.append(step["uses"].partition("@")[0])
        given = {key: self.filled(text) for key, text in step["with"].items()}
        if step["uses"].startswith("actions/cache@"):
            self.outputs[step.get("id", step["name"])] = {"cache-hit": "true" if Path(given["path"]).is_dir() else ""}
        else:
            assert Path(given["sarif_file"]).is_file()
            assert step["continue-on-error"] is True

    def _shell(self, step: Mapping[str, Any]) -> None:
        assert "${{" not in step["run"], "what a pull request can choose never becomes part of a script"
        output = self.folder / "output"
        output.write_text("")
        env = {**self.environment, "GITHUB_OUTPUT": str(output), **{key: self.filled(v) for key, v in step["env"].items()}}
        script = self.folder / "script.sh"
        script.write_text(step["run"])
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.repository.root, env=env)
        self.log += run.stdout + run.stderr
        self.failed |= run.returncode != 0
        lines = (line.partition("=") for line in output.read_text().splitlines())
        self.outputs[step.get("id", step["name"])] = {key: text for key, _, text in lines}


def runner(repository: Repository, tmp: Path, gh: str = "exit 1", **inputs: str) -> Runner:
    """A runner that checked the pull request out; the installation comes from its cache."""
    tmp.mkdir()
    programs = tmp / "programs"
    programs.mkdir()
    (programs / "gh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp}/gh.log\n{gh}\n')
    (programs / "gh").chmod(0o755)
    environment = {
        **{name: text for name, text in os.environ.items() if name not in QUIET},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_BASE_REF": "main",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_STEP_SUMMARY": str(tmp / "summary"),
        "GITHUB_WORKSPACE": str(repository.root),
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(tmp),
    }
    defaults = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
    return Runner(repository, tmp, {**defaults, "token": "", "python": sys.executable, **inputs}, environment)


def installed(made: Runner) -> Runner:
    """Puts this installation where the cache would restore one: its place is what the first step says."""
    made._shell(STEPS[0])
    programs = Path(made.outputs["place"]["venv"]) / "bin"
    programs.mkdir(parents=True)
    (programs / "ambimigrate").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m ambimigrate "$@"\n')
    (programs / "ambimigrate").chmod(0o755)
    return made


@pytest.fixture
def pull(tmp_path: Path) -> Iterator[Repository]:
    """A pull request as actions/checkout leaves it: the merge commit, and the target as a remote branch."""
    made = Repository(tmp_path / "repository")
    made.root.mkdir()
    made.commit({"shop.yaml": namespace()})
    made.git("update-ref", "refs/remotes/origin/main", "main")
    made.git("checkout", "--quiet", "-b", "feature")
    yield made


def test_a_good_change_passes(pull: Repository, tmp_path: Path) -> None:
    pull.commit({"readme.yaml": "a: 1\n"}, branch="feature")
    made = installed(runner(pull, tmp_path / "tmp"))
    made.run()
    assert not made.failed, made.log
    assert made.outputs["gate"]["verdict"] == "passed"
    assert made.used == ["actions/cache", "actions/cache"]
    assert "passed" in (tmp_path / "tmp" / "summary").read_text()


def test_a_bad_change_fails_with_annotations_summary_and_files(pull: Repository, tmp_path: Path) -> None:
    pull.commit({"mode.yaml": PORT_MODE}, branch="feature")
    made = installed(runner(pull, tmp_path / "tmp", sarif="true", comment="true"))
    made.run()
    assert made.failed
    assert made.outputs["gate"]["verdict"] == "failed"
    assert "::error file=mode.yaml,line=" in made.log
    assert "Stops this change" in (tmp_path / "tmp" / "summary").read_text()
    assert made.used[-1] == "github/codeql-action/upload-sarif"
    assert json.loads(Path(made.outputs["gate"]["sarif"]).read_text())["version"] == "2.1.0"
    assert "::notice title=ambimigrate::the comment could not be written" in made.log


def test_the_comment_is_written_once_and_then_changed(pull: Repository, tmp_path: Path) -> None:
    for number, known in enumerate(("", "42")):
        made = installed(runner(pull, tmp_path / f"tmp{number}", gh=f"echo {known}", comment="true"))
        made.run()
        assert not made.failed, made.log
        calls = (tmp_path / f"tmp{number}" / "gh.log").read_text().splitlines()
        assert "repos/owner/name/issues/7/comments" in calls[0]
        assert f"--method {'PATCH' if known else 'POST'}" in calls[-1]
        assert ("issues/comments/42 " in calls[-1]) == bool(known)


def test_a_clone_without_the_base_is_a_problem_with_a_way_out(pull: Repository, tmp_path: Path) -> None:
    clone = Repository(tmp_path / "clone")
    pull.commit({"route.yaml": FAULT.replace("NAME", "web")}, branch="feature")
    pull.git("clone", "--quiet", "--depth", "1", "--branch", "feature", f"file://{pull.root}", str(clone.root))
    made = installed(runner(clone, tmp_path / "tmp", sarif="true"))
    made.run()
    assert made.failed
    assert made.outputs["gate"] == {"verdict": "problems"}
    assert "fetch-depth: 0" in made.log
    assert "upload-sarif" not in str(made.used)


def test_inputs_are_values_whatever_they_hold(pull: Repository, tmp_path: Path) -> None:
    made = installed(runner(pull, tmp_path / "tmp", path="$(touch hacked); .", base="--init"))
    made.run()
    assert made.failed
    assert not list(tmp_path.rglob("hacked"))
    assert not list(tmp_path.rglob("ambimigrate.yml"))


def test_a_python_that_is_too_old_is_named(pull: Repository, tmp_path: Path) -> None:
    made = runner(pull, tmp_path / "tmp", python="/nowhere/python")
    made.run()
    assert made.failed
    assert "/nowhere/python is no Python" in made.log


def test_the_action_is_documented_and_pinned() -> None:
    for name, each in (*ACTION["inputs"].items(), *ACTION["outputs"].items()):
        assert each["description"], name
    used = [each["uses"] for each in STEPS if "uses" in each]
    assert all(re.fullmatch(r"[\w/.-]+@[0-9a-f]{40}", each) for each in used)
    read = (ROOT / "action.yml").read_text()
    assert '--require-hashes --only-binary :all: -r "$GITHUB_ACTION_PATH/constraints.txt"' in read
    assert set(re.findall(r"inputs\.([\w-]+)", read)) == set(ACTION["inputs"])


def test_what_is_installed_is_locked_by_hashes_and_names_no_registry() -> None:
    locked = (ROOT / "constraints.txt").read_text()
    entries = re.split(r"^(?=[\w.-]+==)", locked, flags=re.MULTILINE)[1:]
    assert {each.partition("==")[0] for each in entries} >= {"hatchling", "msgspec", "pyyaml", "typer"}
    assert all("--hash=sha256:" in each for each in entries)
    assert "://" not in locked
    assert "index-url" not in locked


def test_the_include_of_gitlab_uses_its_inputs() -> None:
    head, job = yaml.safe_load_all((ROOT / ".gitlab" / "gate.yml").read_text())
    used = set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", json.dumps(job)))
    assert used == set(head["spec"]["inputs"])
    assert "--require-hashes" in str(job["ambimigrate"]["before_script"])


def test_hooks_of_pre_commit_name_commands_that_there_are() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        command = [sys.executable, "-m", *hook["entry"].split(), "--help"]
        assert subprocess.run(command, capture_output=True, check=False, cwd=ROOT).returncode == 0
