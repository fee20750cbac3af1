"""The second demo: one of each trap that convert settles; all of it moves, and nothing is found in the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ambimigrate import catalogue
from ambimigrate.changes import Stage
from ambimigrate.cli import _app
from tests.conftest import FIXTURES
from tests.test_catalogue import EDITABLE
from tests.test_convert import contents

MARKET = FIXTURES / "repos" / "market"
TEXT = (MARKET / "TRAPS.md").read_text(encoding="utf-8")
LOUD = {"blocker", "error", "warning"}
# Marked as an edit or a draft, and held with a reason where it cannot be made exactly: there is nothing to show here.
REASONS = {"PF70", "WP03", "WP32"}
OLDER = {"WP22"}  # only before Istio 1.30.3; the shop shows it
Row = tuple[str, ...]


def rows(heading: str) -> Iterator[Row]:
    section = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    for line in section.splitlines()[2:]:
        yield tuple(cell.strip() for cell in line.strip("| ").split(" | "))


FOUND = list(rows("Pitfall | Object | Found as | Settled by | What it is"))
MADE = list(rows("Pitfall | Object | Made by | What it is"))


def run(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(_app([words[0]]), [*words, "--format", "json"])
    assert result.exit_code in {0, 1}, result.output
    return dict(json.loads(result.stdout))


@cache
def before() -> dict[str, Any]:
    return run("scan", str(MARKET))


@pytest.fixture(scope="module")
def conversion(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("market") / "after"
    return run("convert", str(MARKET), "--out", str(out)), out


@pytest.fixture(scope="module")
def after(conversion: tuple[dict[str, Any], Path]) -> list[dict[str, Any]]:
    return list(run("scan", str(conversion[1]))["findings"])


def named(found: dict[str, Any]) -> str:
    own = found["object"]
    return f"{own['kind']} {own['namespace']}/{own['name']}" if own["namespace"] else f"{own['kind']} {own['name']}"


@pytest.mark.parametrize("row", FOUND, ids=lambda row: row[0])
def test_each_trap_is_found_and_settled(row: Row, conversion: tuple[dict[str, Any], Path], after: list[dict[str, Any]]) -> None:
    pitfall, subject, rule, ids, _ = row
    assert pitfall in catalogue.entry(rule).pitfalls
    assert rule in {each["id"] for each in before()["findings"] if named(each) == subject}
    assert not [each for each in after if each["id"] == rule and named(each) == subject and each["severity"] in LOUD]
    made = {id for each in conversion[0]["changes"] for id in each["because"]}
    assert set(re.split(", ", ids)) <= made


@pytest.mark.parametrize("row", MADE, ids=lambda row: row[0])
def test_each_object_that_prevents_a_trap_is_made(row: Row, conversion: tuple[dict[str, Any], Path]) -> None:
    pitfall, subject, id, _ = row
    assert pitfall in catalogue.entry(id).pitfalls
    assert id in {id for each in conversion[0]["changes"] if named(each) == subject for id in each["because"]}


def test_there_is_one_of_each_that_convert_settles() -> None:
    wanted = {f"{family}{number:02}" for family, numbers in EDITABLE.items() for number in numbers}
    left = wanted - catalogue.unconverted().keys() - catalogue.elsewhere().keys()
    assert left - {row[0] for row in (*FOUND, *MADE)} == REASONS | OLDER


def test_nothing_is_held_and_nothing_is_left(conversion: tuple[dict[str, Any], Path], after: list[dict[str, Any]]) -> None:
    assert conversion[0]["held"] == []
    assert conversion[0]["problems"] == []
    assert [(each["id"], named(each)) for each in after if each["severity"] in LOUD] == []


def test_stage_by_stage_it_comes_to_the_same(conversion: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    tree = MARKET
    for stage in Stage:
        run("convert", str(tree), "--stage", stage.name, "--out", str(tmp_path / stage.name))
        tree = tmp_path / stage.name
    assert contents(tree) == contents(conversion[1])
