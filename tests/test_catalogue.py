"""The catalogue: every entry fits its schema, and the generated table of rules is current."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest
import yaml

from ambimigrate import catalogue
from ambimigrate.catalogue_page import page
from tests.conftest import FIXTURES

SCHEMA: dict[str, Any] = json.loads((catalogue.folder() / "schemas" / "rule.json").read_text())


@pytest.mark.parametrize("path", sorted(catalogue.folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_entry_fits_the_schema(path: Any) -> None:
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text())))
    assert not errors, errors
    assert path.stem == catalogue.entry(path.stem).id


def test_page_of_rules_is_current(golden: Any) -> None:
    golden(catalogue.folder() / "README.md", page())


def test_no_pitfall_is_both_a_rule_and_left_to_others() -> None:
    ruled = {name for entry in catalogue.entries().values() for name in entry.pitfalls}
    assert ruled
    assert all(row.by in {"live", "hand"} and row.how.endswith(".") for row in catalogue.elsewhere().values())


def test_what_convert_leaves_out_is_known_and_has_a_reason() -> None:
    known = {name for entry in catalogue.entries().values() for name in entry.pitfalls}
    made = {name for entry in catalogue.entries().values() if entry.by == "convert" for name in entry.pitfalls}
    for name, row in catalogue.unconverted().items():
        assert name in known
        assert name not in made
        assert row.by in {"hand", "platform", "plan", "convert"}
        assert row.why.endswith(".")


# What the list of known pitfalls marks as a mechanical edit or as an object to draft, of manifests, policies and routing.
EDITABLE = {
    "PF": (5, 7, 8, 10, 11, 12, 13, 14, 23, 24, 26, 40, 41, 42, 43, 44, 47, 48, 52, 60, 67, 68, 69, 70, 71),
    "PO": (*range(1, 11), 12, 13, 14, 16, 19, 20, 22, 24, 25, 26, 27),
    "WP": (1, 2, 3, 4, 5, 7, 10, 11, 14, 16, 17, 20, 22, 24, 26, 27, 28, 29, 30, 32, 34, 37),
    "EN": (3, 5, 9),
    "RS": (1, 2, 3, 4, 5),
    "RT": (1, 4),
    "CL": (1, 2, 3, 4),
    "VF": (1, 3, 5),
}


def test_what_an_edit_could_settle_is_converted_or_has_a_reason() -> None:
    made = {name for entry in catalogue.entries().values() if entry.by == "convert" for name in entry.pitfalls}
    wanted = {f"{family}{number:02}" for family, numbers in EDITABLE.items() for number in numbers}
    assert wanted - made - catalogue.unconverted().keys() - catalogue.elsewhere().keys() == set()


def test_every_trap_has_a_rule() -> None:
    ruled = {name for entry in catalogue.entries().values() for name in entry.pitfalls}
    assert {f"T{number}" for number in range(1, 40)} <= ruled


def ambimigrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ambimigrate", *arguments], capture_output=True, text=True, check=False)


def test_explain_prints_reason_fix_source_and_example() -> None:
    run = ambimigrate("explain", "vs001")
    assert run.returncode == 0
    assert "VS001" in run.stdout
    assert "->" in run.stdout
    assert "https://istio.io" in run.stdout
    assert "kind: VirtualService" in run.stdout


def test_explain_of_an_unknown_rule_names_near_ones() -> None:
    run = ambimigrate("explain", "VS0001")
    assert run.returncode == 2
    assert "VS001" in run.stderr
    assert "Traceback" not in run.stderr


def test_rules_filters_by_word_and_level() -> None:
    run = ambimigrate("rules", "waypoint", "--format", "json")
    found = json.loads(run.stdout)["rules"]
    assert "VS001" in {each["id"] for each in found}
    assert len(found) < len(catalogue.entries()) or len(found) == 1
    assert ambimigrate("rules", "--severity", "bad").returncode == 2


def test_fixtures_folder_is_where_explain_looks() -> None:
    assert (catalogue.folder().parent / "fixtures") == FIXTURES
