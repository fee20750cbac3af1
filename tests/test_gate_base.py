"""What the gate compares with: a reference, the target of the pull request, or a baseline."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ambimigrate.gate import baseline, ci
from ambimigrate.gate.known import Base, Known
from ambimigrate.model import Problem, Ref, Severity
from tests.gated import (
    FAULT,
    PORT_MODE,
    SCHEMAS,
    Repository,
    began,
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return began(tmp_path)


def test_without_a_base_both_ways_are_named(repository: Repository) -> None:
    run = repository.gate()
    assert run.returncode == 2
    assert "--base" in run.stderr
    assert "--update-baseline" in run.stderr


@pytest.mark.parametrize("server", ["github", "gitlab"])
def test_the_server_names_the_target_and_the_merge_base_counts(repository: Repository, server: str) -> None:
    start = repository.git("rev-parse", "main")
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    repository.commit({"mode.yaml": PORT_MODE}, branch="feature")
    env = {"GITHUB_BASE_REF": "main"} if server == "github" else {"CI_MERGE_REQUEST_DIFF_BASE_SHA": start}
    code, found = repository.judged(env=env)
    assert code == 1
    assert start[:7] in found["gate"]["base"]


def test_a_clone_without_the_base_says_what_to_do(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"mode.yaml": PORT_MODE}, branch="feature")
    clone = Repository(tmp_path / "clone")
    repository.git("clone", "--quiet", "--depth", "1", "--branch", "feature", f"file://{repository.root}", str(clone.root))
    for env in ({"GITHUB_BASE_REF": "main"}, {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "1" * 40}):
        run = clone.gate(env=env)
        assert (run.returncode, run.stdout) == (2, "")
        assert "fetch-depth: 0" in run.stderr
    assert clone.gate("--base", "main").returncode == 2
    assert clone.gate("--base", "-x").returncode == 2


def test_targets_of_servers() -> None:
    assert ci.target({}) is None
    merged = ci.target({"GITHUB_BASE_REF": "main", "GITHUB_REF": "refs/pull/7/merge"})
    assert merged
    assert merged.references == ("origin/main", "HEAD^1")
    found = ci.target({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"})
    assert found
    assert (found.references, found.is_merge_base) == (("origin/main",), False)


def test_a_baseline_is_read_as_it_was_written() -> None:
    ref = Ref("VirtualService", "networking.istio.io", "shop", "web")
    before = Known("f" * 64, "VS001", "default", Severity.warning, ref, "spec", True, 2, 3, True, ("VS901",))
    found = baseline.loaded("x", baseline.dumped(Base("x", (before,), (Problem("broken", "a.yaml", 3),))))
    assert (found.findings, found.problems) == ((before,), (Problem("broken", "a.yaml", 3),))


def test_a_baseline_is_sorted_one_finding_a_line_and_forgets_what_was_fixed(repository: Repository) -> None:
    repository.write({"mode.yaml": PORT_MODE, "route.yaml": FAULT.replace("NAME", "web")})
    assert repository.gate("--update-baseline").returncode == 0
    file = repository.root / ".ambimigrate" / "baseline.json"
    text = file.read_text()
    tree = json.loads(text)
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / "baseline.json").read_text())).validate(tree)
    rows = [json.loads(line.strip().rstrip(",")) for line in text.splitlines() if line.startswith('    {"fingerprint"')]
    assert rows == tree["findings"]
    assert [each["id"] for each in rows] == sorted(each["id"] for each in rows)
    assert repository.gate().returncode == 0
    repository.write({"mode.yaml": None})
    assert repository.gate("--update-baseline").returncode == 0
    left = json.loads(file.read_text())["findings"]
    assert len(left) < len(rows)
    assert all(each in rows for each in left)
    assert repository.gate("--update-baseline").returncode == 0
    assert json.loads(file.read_text())["findings"] == left


def test_nothing_becomes_known_in_migrated_namespaces(repository: Repository) -> None:
    repository.write({".ambimigrate.yaml": "migrated: [shop]\n", "mode.yaml": PORT_MODE})
    run = repository.gate("--update-baseline")
    assert run.returncode == 1
    assert "migrated" in run.stdout
    assert json.loads((repository.root / ".ambimigrate" / "baseline.json").read_text())["findings"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "not of type"),
        ('{"schema": "ambimigrate.baseline/v1", "findings": [{"id": "VS001"}]}', "findings.0"),
        ('<<<<<<< HEAD\n{"schema": 1}\n=======\n', "merge conflict"),
        ("\x00\x01", "no JSON"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_baseline_that_cannot_be_read_ends_the_command(repository: Repository, text: str, said: str) -> None:
    repository.write({"base.json": text})
    run = repository.gate("--baseline", "base.json")
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_missing_baseline_and_two_bases_are_usage_errors(repository: Repository) -> None:
    assert repository.gate("--baseline", "none.json").returncode == 2
    assert repository.gate("--baseline", "none.json", "--base", "main").returncode == 2
