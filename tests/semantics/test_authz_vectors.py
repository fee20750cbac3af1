"""The evaluators of authorization decide as real proxies did: a sample always, all cases where they are present."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.semantics.authz import decide
from tests.semantics.authz import OBSERVED, call_of, mesh_of, observed

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "fixtures" / "vectors"
WHOLE = ROOT.parent / "shared" / "vectors"
FILES = ("authz-sidecar", "authz-ztunnel", "authz-waypoint")


def cases(folder: Path, file: str) -> Iterator[dict[str, Any]]:
    path = folder / f"{file}.jsonl"
    if not path.exists():
        assert folder == WHOLE
        pytest.skip("the whole files are not here")
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def differences(case: dict[str, Any], file: str, version: str = OBSERVED) -> Iterator[str]:
    mesh = mesh_of(case["objects"], version)
    for number, probe in enumerate(case["probes"]):
        call = call_of(mesh, probe, ambient=file != "authz-sidecar")
        found = {f"{pod}-0": observed(mesh, call, each) for pod, each in decide(mesh, call).items()}
        if found != probe["decision"]:
            yield f"{case['id']} probe {number}: {found} instead of {probe['decision']}"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("folder", [SAMPLE, WHOLE], ids=["sample", "whole"])
def test_decides_as_observed(file: str, folder: Path) -> None:
    found = [each for case in cases(folder, file) for each in differences(case, file)]
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:5])


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("version", ["1.24.6", "1.27.9", "1.30.3"])
def test_older_releases_decide_alike(file: str, version: str) -> None:
    """Observed for the first 60 cases; 1.24 does not know service accounts in policies."""
    for case in islice(cases(WHOLE, file), 60):
        if version != "1.24.6" or "erviceAccount" not in json.dumps(policies(case)):
            assert not list(differences(case, file, version))


def policies(case: dict[str, Any]) -> list[Any]:
    return [each for each in case["objects"] if each["kind"] == "AuthorizationPolicy"]
