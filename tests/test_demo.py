"""The demo repository: every trap in it is found by name in its environments, and what behaves the same stays quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ambimigrate import catalogue
from ambimigrate.analyse import analyse
from ambimigrate.cli.options import Ask, read
from ambimigrate.convert import based, convert
from ambimigrate.model import Finding, Severity
from ambimigrate.sinks import texts, tree
from ambimigrate.verdicts import standings
from tests.conftest import FIXTURES

SHOP = FIXTURES / "repos" / "shop"
TEXT = (SHOP / "TRAPS.md").read_text()
OTHER_VERSIONS = {"dry-run": "1.25.1", "default-retries": "1.29.6", "wildcard-external": "1.27.0", "consistent-hash": "1.30.0"}
OBJECT = re.compile(r"(?:(\b[A-Z]\w+) )?\b([a-z0-9-]+)/([a-z0-9-]+)")


def rows(title: str) -> Iterator[tuple[str, ...]]:
    section = TEXT.partition(title)[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = tuple(cell.strip() for cell in line.strip("| ").split(" | "))
        if line.startswith("| ") and not line.startswith(("| Trap", "| Object", "| Namespace", "|--")):
            yield cells


def objects(cell: str) -> Iterator[tuple[str, str, str]]:
    kind = ""
    for found in OBJECT.finditer(cell):
        kind = found[1] or kind
        yield kind, found[2], found[3]


@cache
def findings(version: str = "") -> tuple[Finding, ...]:
    return analyse(read(Ask((str(SHOP),), istio=version)).meshes)


TRAPS = list(rows("# Traps in this repository"))
QUIET = list(rows("## Has to stay quiet"))


def test_the_lists_are_read() -> None:
    assert len(TRAPS) >= 55
    assert len(QUIET) >= 10


@pytest.mark.parametrize("row", TRAPS, ids=lambda row: row[0])
def test_trap_is_found_by_name(row: tuple[str, ...]) -> None:
    name, cell, _, environments, _ = row
    known = findings(OTHER_VERSIONS.get(name, ""))
    wanted = {"staging", "prod"} if environments == "both" else set(re.findall("staging|prod", environments))
    named = list(objects(cell))
    assert named
    seen = {mesh for each in named for finding in known if _is_about(finding, each) for mesh in finding.meshes}
    assert wanted <= seen, f"{name}: {named} found in {sorted(seen)}"


def _is_about(finding: Finding, wanted: tuple[str, str, str]) -> bool:
    kind, namespace, name = wanted
    return (not kind or finding.ref.kind == kind) and finding.ref[2:] == (namespace, name)


@pytest.mark.parametrize("row", QUIET, ids=lambda row: row[0])
def test_what_behaves_the_same_is_quiet(row: tuple[str, ...]) -> None:
    allowed = Severity.warning if "recommendation" in row[0] else Severity.info
    loud = [each for wanted in objects(row[0]) for each in findings() if _is_about(each, wanted) and each.severity > allowed]
    assert not loud, [(each.rule, each.hit.message) for each in loud]


def test_verdicts() -> None:
    meshes = read(Ask((str(SHOP),))).meshes
    found = {(each.mesh, each.name): each.verdict for each in standings(meshes, findings())}
    for mesh in ("prod", "staging"):
        assert found[mesh, "sessions"] == "ready"
        assert found[mesh, "recommendation"] == "needs-waypoint"
        assert found[mesh, "monitoring"] == "not-in-mesh"
        assert {found[mesh, name] for name in ("payment", "legacy")} == {"wait"}
        assert {found[mesh, name] for name in ("batch", "cart", "catalogue", "frontend")} == {"needs-changes"}


def test_no_file_of_the_demo_is_lost() -> None:
    files = {path for path in Path(SHOP).rglob("*") if path.suffix in {".yaml", ".json"}}
    assert read(Ask((str(SHOP),))).counts.files == len(files)


def test_what_is_left_after_conversion_is_held_or_holds_nothing(tmp_path: Path) -> None:
    reading = read(Ask((str(SHOP),)))
    conversion = convert(reading.meshes, findings())
    files = tree.files(str(SHOP))
    texts.rewrite(conversion.changes, based, files)
    tree.copy(str(SHOP), str(tmp_path / "out"), files.changed)
    held = {(each.mesh, each.namespace) for each in conversion.held}
    left = analyse(read(Ask((str(tmp_path / "out"),))).meshes)
    free = [each for each in left if not any((mesh, each.ref.namespace) in held for mesh in each.meshes)]
    loud = [each for each in free if each.severity >= Severity.warning]
    assert [str(each.ref) for each in loud if catalogue.entry(each.rule).cases[each.hit.case].holds != "nothing"] == []
    assert {"cart", "legacy"} <= {namespace for _, namespace in held}
