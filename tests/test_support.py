"""The table of support: it fits its schema, and has exactly one status for every data plane on every version."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pytest
import yaml

from ambimigrate.catalogue import entries, folder
from ambimigrate.support import PLANES, Feature, areas, feature
from ambimigrate.versions import NEWEST_PATCHES, Version, in_ranges, parse

SCHEMA = json.loads((folder() / "schemas" / "support.json").read_text())
FEATURES = [each for area in areas() for each in area.features]
VERSIONS = [Version(*line, patch) for line, newest in NEWEST_PATCHES.items() for patch in range(newest + 1)]


@pytest.mark.parametrize("path", sorted((folder() / "support").glob("*.yaml")), ids=lambda path: path.stem)
def test_file_fits_the_schema(path: object) -> None:
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(open(str(path)))))  # noqa: PTH123, SIM115
    assert not errors, errors


@pytest.mark.parametrize("each", FEATURES, ids=lambda each: each.id)
def test_feature_has_one_status_on_every_version(each: Feature) -> None:
    for plane in PLANES:
        support = getattr(each, plane)
        if isinstance(support, str):
            continue
        for version in [*VERSIONS, Version(1, 32, 0), Version(2, 0, 0)]:
            assert sum(in_ranges(version, part.versions) for part in support) == 1, (each.id, plane, version)


def test_ids_are_unique() -> None:
    assert len({each.id for each in FEATURES}) == len(FEATURES)


@pytest.mark.parametrize(
    ("name", "plane", "version", "status"),
    [
        ("mtls", "ztunnel", "1.24", "stable"),
        ("mtls", "ztunnel", "1.23", "beta"),
        ("dry-run", "ztunnel", "1.25.1", "fails closed"),
        ("dry-run", "ztunnel", "1.25.2", "ignored"),
        ("consistent-hash", "waypoint", "1.30", "partial"),
        ("consistent-hash", "waypoint", "1.31.0", "alpha"),
        ("traffic-extension", "waypoint", "1.29", "unsupported"),
        ("multicluster-multi-network", "ztunnel", "1.29", "beta"),
    ],
)
def test_status(name: str, plane: str, version: str, status: str) -> None:
    assert feature(name).status(plane, parse(version)) == status


def test_command_shows_a_feature_for_a_range_of_versions() -> None:
    command = [
        sys.executable,
        "-m",
        "ambimigrate",
        "support",
        "dry-run",
        "--istio-version",
        "1.24-1.26",
        "--format",
        "json",
    ]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["features"]
    assert [list(each["support"]) for each in found] == [["1.24.6", "1.25.5", "1.26.8"]]


def test_command_refuses_what_is_no_feature() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ambimigrate", "support", "teleport"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "teleport" in run.stderr


CASES = [(name, case, each) for name, entry in entries().items() for case, each in entry.cases.items()]


def test_no_rule_states_versions_of_its_own() -> None:
    assert [(name, case) for name, case, each in CASES if each.versions != "*" and each.support is None] == []


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, case, each in CASES if each.support])
def test_rule_holds_exactly_where_the_table_says_so(name: str, case: str) -> None:
    found = entries()[name].cases[case]
    assert found.support
    told = feature(found.support.feature)
    assert set(found.support.statuses) <= {told.status(found.support.plane, version) for version in VERSIONS}
    for version in VERSIONS:
        is_said = told.status(found.support.plane, version) in found.support.statuses
        assert is_said == (entries()[name].case(case, version) is not None), version
