"""A change cannot excuse itself: configuration, plan, baseline and suppressions count as the base has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gated import (
    AMBIENT,
    PORT_MODE,
    QUIET,
    Repository,
    began,
    namespace,
    plan,
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return began(tmp_path)


def test_a_change_cannot_excuse_itself(repository: Repository) -> None:
    repository.write({"mode.yaml": PORT_MODE, ".ambimigrate.yaml": "exclude: [mode.yaml]\nfailOn: never\n"})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert any(".ambimigrate.yaml" in each and "merged" in each for each in found["gate"]["remarks"])


@pytest.mark.parametrize("change", [{".ambimigrate.yaml": None}, {"deploy/.ambimigrate.yaml": "namespace: shop\n"}])
@pytest.mark.parametrize("kept", [".ambimigrate.yaml", ".ambimigrate/plan.json"])
def test_what_is_migrated_cannot_be_hidden(tmp_path: Path, change: dict[str, str | None], kept: str) -> None:
    repository = Repository(tmp_path)
    text = "migrated: [shop]\n" if kept.endswith("yaml") else plan("shop")
    repository.commit({"deploy/shop.yaml": namespace(label=AMBIENT), ".ambimigrate.yaml": "{}\n", kept: text})
    repository.write({"deploy/shop.yaml": namespace(), **change})
    command = [sys.executable, "-m", "ambimigrate", "gate", "deploy", "--base", "main"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **QUIET})
    assert run.returncode == 1, run.stdout + run.stderr
    assert "takes a migrated namespace back" in run.stdout
    assert "counts once it is merged" in run.stdout


def test_suppressions_of_a_change_count_only_once_they_are_merged(repository: Repository) -> None:
    comment = "# ambimigrate: ignore[PA001] because we replace it until 2999-01-31\n"
    hushed = PORT_MODE.replace("kind: PeerAuthentication\n", f"kind: PeerAuthentication {comment}")
    repository.write({"mode.yaml": hushed})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert any("suppressions" in each for each in found["gate"]["remarks"])


def test_the_baseline_of_a_pull_request_is_that_of_its_base(repository: Repository) -> None:
    assert repository.gate("--update-baseline").returncode == 0
    repository.commit({})
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    repository.write({"mode.yaml": PORT_MODE})
    assert repository.gate("--update-baseline").returncode == 0
    repository.commit({}, branch="feature")
    code, found = repository.judged("--baseline", ".ambimigrate/baseline.json", env={"GITHUB_BASE_REF": "main"})
    assert code == 1
    assert any("baseline.json" in each for each in found["gate"]["remarks"])


def test_a_faulty_configuration_of_the_base_is_named_with_its_line(repository: Repository) -> None:
    repository.commit({".ambimigrate.yaml": "target: {istio: x}\nmigratd: [shop]\n"})
    run = repository.gate("--base", "main")
    assert run.returncode == 2
    assert ".ambimigrate.yaml:2" in run.stderr


def test_suppressions_of_a_change_do_not_count_beside_a_baseline_either(repository: Repository) -> None:
    assert repository.gate("--update-baseline").returncode == 0
    repository.commit({})
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    comment = "# ambimigrate: ignore[PA001] because we replace it until 2999-01-31\n"
    repository.commit({"mode.yaml": PORT_MODE.replace("Authentication\n", f"Authentication {comment}")}, branch="feature")
    code, found = repository.judged("--baseline", ".ambimigrate/baseline.json", env={"GITHUB_BASE_REF": "main"})
    assert code == 1
    assert any("suppressions" in each for each in found["gate"]["remarks"])


def test_a_baseline_alone_says_what_it_cannot_tell(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.commit({"shop.yaml": namespace(label=AMBIENT), ".ambimigrate.yaml": "migrated: [shop]\n"})
    assert repository.gate("--update-baseline").returncode == 0
    code, found = repository.judged()
    assert code == 0
    assert any("vanished" in each for each in found["gate"]["remarks"])
    assert not repository.judged("--base", "main")[1]["gate"]["remarks"]
