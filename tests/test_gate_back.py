"""No way back: each rule on changes that slide back and on changes that do not, and nothing at all where nothing changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given

from ambimigrate import catalogue
from ambimigrate.gate.back import DATED, RULES, regressions
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.sources.read import read_files
from ambimigrate.topology import injection
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests import random_meshes, test_convert
from tests.conftest import FIXTURES
from tests.test_rules_random import assert_well_formed, decoded, repeated, trees_of_files

FOLDER = FIXTURES / "gate"
CASES = sorted(path for path in FOLDER.glob("*") if path.is_dir())
TODAY = date(2026, 6, 15)
TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
Migrated = frozenset[tuple[str, str]]


def meshes(folder: Path, target: Target = TARGET) -> tuple[Mesh, ...]:
    """The meshes of a folder, none if there is none."""
    if not folder.exists():
        return ()
    reading = read_files([str(folder)], target)
    assert not reading.problems, reading.problems
    return reading.meshes


def migrated(case: Path) -> Migrated:
    """Lines `MESH/NAMESPACE`."""
    lines = (case / "migrated.txt").read_text(encoding="utf-8").split()
    return frozenset((mesh, space) for mesh, _, space in (line.partition("/") for line in lines))


def line(finding: Finding, case: Path) -> str:
    position = finding.hit.position
    place = f"{position.file.removeprefix(f'{case}/')}:{position.line}:{position.column}"
    return f"{place} {finding.rule} {finding.severity.name} {finding.hit.case} {finding.ref}: {finding.hit.message}\n"


def every(meshes: Sequence[Mesh]) -> Migrated:
    """All namespaces of the meshes."""
    return frozenset((mesh.name, space) for mesh in meshes for space in injection.namespaces(mesh))


def undated(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if (each.rule, each.hit.case) != (DATED, "past")]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path, golden: Callable[[Path, str], None]) -> None:
    findings = regressions(meshes(case / "before"), meshes(case / "after"), migrated(case), TODAY)
    name, expected = case.name.split("-")[:2]
    assert (name in {each.rule for each in findings}) == (expected == "fires")
    golden(case / "expected.txt", "".join(line(each, case) for each in findings))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_taking_the_change_back_silences_every_rule(case: Path) -> None:
    before, after = meshes(case / "before"), meshes(case / "after")
    for one in filter(None, (before, after)):
        assert not undated(regressions(one, one, migrated(case), TODAY))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_only_what_is_declared_migrated_counts(case: Path) -> None:
    findings = regressions(meshes(case / "before"), meshes(case / "after"), frozenset(), TODAY)
    assert {each.rule for each in findings} <= {"AP806"}


def test_code_catalogue_and_fixtures_name_the_same_rules() -> None:
    known = {*RULES, DATED}
    told = {name for name, entry in catalogue.entries().items() if entry.by == "gate"}
    assert known <= told
    kinds = {(case.name.split("-")[0], case.name.split("-")[1]) for case in CASES}
    assert kinds == {(name, kind) for name in known for kind in ("fires", "silent")}


def test_every_case_of_an_entry_is_shown_by_a_fixture() -> None:
    shown = {
        (each.rule, each.hit.case)
        for case in CASES
        for each in regressions(meshes(case / "before"), meshes(case / "after"), migrated(case), TODAY)
    }
    assert shown == {(name, case) for name in (*RULES, DATED) for case in catalogue.entry(name).cases}


@pytest.mark.parametrize("case", [*test_convert.CASES, test_convert.DEMO], ids=lambda path: path.name)
def test_what_did_not_change_is_silent(case: Path) -> None:
    """Also in what convert writes, whatever namespaces are declared migrated."""
    root = case if case == test_convert.DEMO else case / "expected"
    found = read_files([str(root)], test_convert.target(case)).meshes
    again = read_files([str(root)], test_convert.target(case)).meshes
    assert not regressions(found, again, every(found), TODAY)


@pytest.mark.parametrize("case", test_convert.CASES, ids=lambda path: path.name)
def test_what_convert_does_takes_nothing_back(case: Path) -> None:
    """But for ports that have to stay open to callers outside of the mesh, which convert says itself."""
    before = read_files([str(case / "input")], test_convert.target(case)).meshes
    after = read_files([str(case / "expected")], test_convert.target(case)).meshes
    moved = {(mesh.name, space) for mesh in after for space in injection.namespaces(mesh) if _is_ambient(mesh, space)}
    found = regressions(before, after, frozenset(moved), TODAY)
    assert not [each for each in found if (each.rule, each.hit.case) != ("PA801", "port")]


def _is_ambient(mesh: Mesh, space: str) -> bool:
    return injection.mode(mesh, space) == injection.AMBIENT


@pytest.mark.parametrize("batch", range(4))
def test_random_meshes(batch: int) -> None:
    @repeated(12, f"back {batch}")
    @given(trees_of_files(), trees_of_files(), random_meshes.targets())
    def holds(one: dict[str, str], other: dict[str, str], target: Target) -> None:
        before, after = decoded(one.items(), target), decoded(other.items(), target)
        spaces = every((*before, *after))
        assert not undated(regressions(before, decoded(one.items(), target), spaces, TODAY))
        for findings in (regressions(before, after, spaces, TODAY), regressions((), after, spaces, TODAY)):
            for finding in findings:
                assert_well_formed(finding)
        assert regressions(before, after, spaces, TODAY) == regressions(before, after, spaces, TODAY)

    holds()


def test_a_renamed_environment_is_compared_with_what_it_was() -> None:
    case = FOLDER / "NS801-fires"
    before, after = meshes(case / "before"), meshes(case / "after")
    renamed = tuple(Mesh("prod", each.resources, each.target) for each in after)
    assert [each.rule for each in regressions(before, renamed, migrated(case), TODAY)] == ["NS801"]
    assert not regressions(before, tuple(Mesh("prod", each.resources, each.target) for each in before), migrated(case), TODAY)


@pytest.mark.parametrize("rule", sorted({*RULES, DATED}))
def test_explain_shows_a_change_that_is_reported(rule: str) -> None:
    command = [sys.executable, "-m", "ambimigrate", "explain", rule]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    example = said.partition("Reported, as a change:\n")[2].partition("\n\n")[0]
    assert any(line.startswith(("  +", "  -")) for line in example.splitlines())
