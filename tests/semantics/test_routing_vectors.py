"""The evaluators of routing decide as real proxies did: a sample always, all cases where they are present, by release."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ambimigrate.model import Mesh
from ambimigrate.semantics import sidecar, waypoint
from ambimigrate.semantics.decision import Client, Decision, Request
from ambimigrate.versions import parse
from tests.semantics.vectors import OBSERVED, agree, client, mesh, observed, record, request

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "fixtures" / "vectors"
WHOLE = ROOT.parent / "shared" / "vectors"
FILES = ("sidecar", "waypoint", "waypoint-virtualservice")
RELEASES = ("1.24.6", "1.25.5", "1.26.8", "1.27.9", "1.28.10", "1.29.6", "1.30.3")
PROXY = parse(OBSERVED)  # of every release only the control plane ran, with the same Envoy 1.40.0
ALIKE = {"sidecar": "1.26.8", "waypoint": "1.28.10", "waypoint-virtualservice": "1.26.8"}  # from here on, unless named
FOLDERS = pytest.mark.parametrize("folder", [SAMPLE, WHOLE], ids=["sample", "whole"])

Changed = Mapping[tuple[str, int], dict[str, Any]]  # (id of the case, number of the request) -> decision


def lines(folder: Path, file: str) -> Iterator[dict[str, Any]]:
    path = folder / f"{file}.jsonl"
    if not path.exists():
        assert folder == WHOLE
        pytest.skip("the whole files are not here")
    with path.open(encoding="utf-8") as found:
        yield from map(json.loads, found)


def decide(file: str, world: Mesh, caller: Client, asked: Request) -> Decision:
    if file == "sidecar":
        return sidecar.decide(world, caller, asked, PROXY)
    return waypoint.decide(world, asked, PROXY)


def differences(case: dict[str, Any], file: str, version: str, changed: Changed) -> Iterator[str]:
    world, caller = mesh(case, version), client(case)
    for number, each in enumerate(case["requests"]):
        if is_unknown(case, file, version, number) and (case["id"], number) not in changed:
            continue
        wanted = observed(changed.get((case["id"], number), each["decision"]))
        got = record(decide(file, world, caller, request(each)))
        if not agree(got, wanted):
            yield f"{case['id']} request {number}: {got}\n  instead of {wanted}"


def is_unknown(case: dict[str, Any], file: str, version: str, number: int) -> bool:
    """Whether an old release may have decided otherwise without being named.

    It seems that headers were drawn anew when old releases ran: of requests with headers many are not compared, of equal ones
    the last is.
    """
    asked = [{key: value for key, value in each.items() if key != "decision"} for each in case["requests"]]
    is_old = parse(version) < parse(ALIKE[file])
    return is_old and (bool(asked[number]["headers"]) or asked[number] in asked[number + 1 :])


def changed_by(folder: Path, file: str, release: str) -> Changed:
    return {
        (case["id"], each["request"]): each["decision"]
        for case in lines(folder, "by-version")
        if (case["release"], case["file"]) == (release, f"{file}.jsonl")
        for each in case["requests"]
    }


@FOLDERS
@pytest.mark.parametrize("file", FILES)
def test_decides_as_observed(file: str, folder: Path) -> None:
    found = [each for case in lines(folder, file) for each in differences(case, file, OBSERVED, {})]
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:5])


@FOLDERS
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("release", RELEASES)
def test_decides_as_the_release_did(file: str, release: str, folder: Path) -> None:
    changed = changed_by(folder, file, release)
    found = [each for case in lines(folder, file) for each in differences(case, file, release, changed)]
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:5])
