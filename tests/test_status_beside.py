"""`status` on a repository beside the cluster that has namespaces and workloads, with the options of the recorded plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakecluster import Manifest, manifest
from tests.test_convert_beside import FILES, beside, repository, run, workload

__all__ = ["repository"]


def applied() -> list[Manifest]:
    """The objects of the files, as the cluster has them."""
    return [
        manifest(each["kind"], each["metadata"]["name"], "shop", each["apiVersion"].partition("/")[0], spec=each["spec"])
        for each in yaml.safe_load_all(FILES)
    ]


@pytest.fixture
def cluster(tmp_path: Path) -> Any:
    yield from beside(tmp_path, workload("cart", "shop"), *applied())


def status(repository: Path, *words: str) -> tuple[int, dict[str, Any]]:
    found = run("status", str(repository), "--format", "json", *words)
    return found.returncode, json.loads(found.stdout)


def test_what_was_agreed_to_is_in_the_recorded_plan(repository: Path, cluster: list[str]) -> None:
    assert run("plan", str(repository), *cluster, "--close-direct-access", "--record", "--quiet").returncode == 0
    assert json.loads((repository / ".ambimigrate/plan.json").read_text())["agreed"]["close_direct"]
    typed = status(repository, *cluster, "--close-direct-access")
    assert status(repository, *cluster) == typed
    assert typed[0] == 0


def test_labels_of_what_no_file_has_are_not_ahead_in_the_files(repository: Path, cluster: list[str]) -> None:
    run("plan", str(repository), *cluster, "--close-direct-access", "--record", "--quiet")
    code, found = status(repository, *cluster)
    assert code == 0
    assert [each["drift"] for each in found["namespaces"]] == [[], []]
    files = run("status", str(repository), *cluster).stdout
    assert "is in the files" not in files


def test_without_a_plan_it_says_how_to_record_one_of_the_same(repository: Path, cluster: list[str]) -> None:
    _, found = status(repository, *cluster, "--close-direct-access")
    assert found["next"]["commands"][0].startswith(f"ambimigrate plan {repository} --context")
