"""How a repository begins with the gate: configuration, baseline and workflow in one command."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.gated import (
    ERROR,
    FAULT,
    PORT_MODE,
    Repository,
    began,
    namespace,
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return began(tmp_path)


def large(root: Path) -> Repository:
    """A repository with 500 findings and more."""
    made = Repository(root)
    files = {"shop.yaml": namespace()}
    for number in range(170):
        files[f"apps/{number}.yaml"] = "---\n".join(
            text.replace("name: web", f"name: web-{number}")
            for text in (FAULT.replace("NAME", f"web-{number}"), PORT_MODE, ERROR)
        )
    made.commit(files)
    return made


def test_a_repository_with_500_findings_begins_in_one_command(tmp_path: Path) -> None:
    repository = large(tmp_path)
    run = repository.gate("--init")
    assert run.returncode == 0, run.stdout + run.stderr
    recorded = json.loads((tmp_path / ".ambimigrate" / "baseline.json").read_text())
    assert len(recorded["findings"]) >= 500
    workflow = (tmp_path / ".github" / "workflows" / "ambimigrate.yml").read_text()
    assert "pull_request" in workflow
    assert "contents: read" in workflow
    first = (tmp_path / ".ambimigrate.yaml").read_text().splitlines()[0]
    schema = first.rpartition("$schema=")[2]
    jsonschema.Draft202012Validator.check_schema(json.loads((tmp_path / schema).read_text()))
    assert repository.gate().returncode == 0
    repository.commit({})
    assert repository.gate("--base", "main").returncode == 0
    repository.write({"one-more.yaml": PORT_MODE})
    assert repository.gate().returncode == 1


@pytest.mark.parametrize(
    ("server", "project", "line"),
    [
        ("github", "", "      - uses: ambimigrate/ambimigrate@v"),
        ("github", "ours/tools", "      - uses: ours/tools@v"),
        ("github", "https://github.com/ours/tools.git", "      - uses: ours/tools@v"),
        ("github", "git@git.example.org:ours/tools.git", "      - uses: ours/tools@v"),
        ("gitlab", "", "    AMBIMIGRATE_REPOSITORY: "),
        (
            "gitlab",
            "https://git.example.org/ours/tools.git",
            '    AMBIMIGRATE_REPOSITORY: "https://git.example.org/ours/tools.git"',
        ),
    ],
)
def test_the_workflow_finds_ambimigrate_where_it_is(repository: Repository, server: str, project: str, line: str) -> None:
    (repository.root / f".{server}").mkdir()
    assert repository.gate("--init", env={"AMBIMIGRATE_REPOSITORY": project}).returncode == 0
    written = next((repository.root / f".{server}").rglob("ambimigrate.yml")).read_text()
    assert any(each.startswith(line) for each in written.splitlines())
    yaml.safe_load(written)


def test_where_ambimigrate_is_cannot_be_anything(repository: Repository) -> None:
    run = repository.gate("--init", env={"AMBIMIGRATE_REPOSITORY": "ours/tools\n      - run: x"})
    assert run.returncode == 2
    assert "AMBIMIGRATE_REPOSITORY is OWNER/NAME" in run.stderr
    assert not (repository.root / ".github").exists()


def test_init_takes_gitlab_where_it_is_used_and_overwrites_nothing(repository: Repository) -> None:
    repository.write({".gitlab-ci.yml": "stages: [test]\n", ".ambimigrate.yaml": "namespace: shop\n"})
    run = repository.gate("--init")
    assert run.returncode == 0, run.stderr
    assert (repository.root / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert (repository.root / ".ambimigrate.yaml").read_text() == "namespace: shop\n"
    assert "include:" in run.stdout
    assert (repository.root / ".gitlab" / "ambimigrate.yml").is_file()
    assert not (repository.root / ".github").exists()
    before = {path: path.read_bytes() for path in repository.root.rglob("*") if path.is_file() and ".git/" not in str(path)}
    assert repository.gate("--init").returncode == 0
    assert {path: path.read_bytes() for path in before} == before
