"""Every rule on its own fixtures: a case that fires, one that stays silent, and one name in code, catalogue and fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ambimigrate import catalogue, checks
from ambimigrate.analyse import analyse
from ambimigrate.checks import RULES, rules
from ambimigrate.model import Finding, Mesh, Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES

FOLDER = FIXTURES / "rules"
CASES = sorted(path for path in FOLDER.glob("*/*") if path.is_dir())
ALL = {rule.id: rule for rule in rules()}


def target(case: Path) -> Target:
    """The target of a case: the newest Istio, unless its folder ends in `@VERSION`."""
    version = case.name.partition("@")[2]
    return Target(parse(version) if version else NEWEST, NEWEST_GATEWAY_API)


def line(finding: Finding, case: Path) -> str:
    position = finding.hit.position
    file = position.file.removeprefix(f"{case}/")
    place = f"{file}:{position.line}:{position.column}" if file else "mesh"
    services = f" waypoint for {', '.join(finding.hit.services)}" if finding.hit.services else ""
    return f"{place} {finding.severity.name} {finding.hit.case} {finding.ref}: {finding.hit.message}{services}"


def meshes(case: Path) -> tuple[Mesh, ...]:
    reading = read_files([str(case)], target(case))
    assert not reading.problems, reading.problems
    return reading.meshes


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_rule_on_its_case(case: Path, golden: Callable[[Path, str], None]) -> None:
    findings = analyse(meshes(case), only=[ALL[case.parent.name]])
    assert bool(findings) == case.name.startswith("fires")
    golden(case / "expected.txt", "".join(f"{line(finding, case)}\n" for finding in findings))


def test_code_catalogue_and_fixtures_name_the_same_rules() -> None:
    scanned = {name for name, entry in catalogue.entries().items() if entry.by == "scan"}
    assert ALL.keys() == RULES.keys() == scanned == {case.parent.name for case in CASES}


@pytest.mark.parametrize("name", sorted(ALL))
def test_rule_has_a_case_that_fires_for_each_case_of_its_entry_and_one_that_stays_silent(name: str) -> None:
    kinds = {case.name.partition("@")[0].partition("-")[0] for case in CASES if case.parent.name == name}
    assert kinds == {"fires", "silent"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_entry_names_the_kinds_that_its_check_reads(name: str) -> None:
    declared = set(catalogue.entry(name).reads)
    assert {kind.__name__ for kind in ALL[name].kinds} - {"Mesh"} <= declared


@pytest.mark.parametrize("name", sorted(ALL))
def test_words_of_an_entry(name: str) -> None:
    entry = catalogue.entry(name)
    assert entry.id == name
    assert not entry.title.endswith(".")
    assert entry.why.endswith(".")
    assert entry.references
    assert all(case.fix.endswith((".", "`")) and case.level is not None for case in entry.cases.values())


def test_kinds_in_the_text_of_a_rule_are_the_kinds_that_it_is_registered_for() -> None:
    """Rules are imported by what their decorator says in the text."""
    written = dict(checks._written())
    registered: dict[str, set[str]] = {}
    for rule in ALL.values():
        registered.setdefault(rule.check.__module__, set()).update(kind.__name__ for kind in rule.kinds)
    assert {module: set(kinds) for module, kinds in written.items()} == registered
