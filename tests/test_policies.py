"""AuthorizationPolicies on their fixtures, with the closing agreed to: what is written, and that no stage lets more in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, based, convert
from ambimigrate.converters import policies, serving
from ambimigrate.converters.settings import Settings
from ambimigrate.sinks import texts, tree
from ambimigrate.sources.read import read_files
from ambimigrate.verdicts import standings
from ambimigrate.verify import Settings as Effort
from ambimigrate.verify import verify as compared
from tests.conftest import FIXTURES
from tests.test_convert import contents, line, target

FOLDER = FIXTURES / "policies"
CASES = sorted(path for path in FOLDER.glob("*") if path.is_dir())
CLOSED = Settings(close_direct_access=True)


def written(root: Path, out: Path, case: Path, stage: Stage | None = None) -> Conversion:
    reading = read_files([str(root)], target(case))
    conversion = convert(reading.meshes, tuple(analyse(reading.meshes)), Choice(None, stage, settings=CLOSED))
    files = tree.files(str(root))
    texts.rewrite(conversion.changes, based, files)
    tree.copy(str(root), str(out), files.changed)
    return conversion


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path, tmp_path: Path, request: pytest.FixtureRequest, golden: Callable[[Path, str], None]) -> None:
    conversion = written(case / "input", tmp_path / "out", case)
    if request.config.getoption("--update"):
        shutil.rmtree(case / "expected", ignore_errors=True)
        shutil.copytree(tmp_path / "out", case / "expected")
    assert contents(tmp_path / "out") == contents(case / "expected")
    golden(case / "held.txt", "".join(line(each, case / "input") for each in conversion.held))
    assert bool(conversion.held) == case.name.startswith("held")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_stages_compose_and_never_let_more_in(case: Path, tmp_path: Path) -> None:
    root = case / "input"
    before = read_files([str(root)], target(case)).meshes
    previous = root
    for stage in Stage:
        at_once, step_by_step = tmp_path / f"{stage.name}-at-once", tmp_path / stage.name
        conversion = written(root, at_once, case, stage)
        assert bool(conversion.held) == case.name.startswith("held"), (stage.name, conversion.held[:3])
        written(previous, step_by_step, case, stage)
        assert contents(step_by_step) == contents(at_once), stage.name
        previous = step_by_step
        found = compared(before, read_files([str(at_once)], target(case)).meshes, Effort(requests=120))
        wider = [each for each in found.differences if each.kind == "wider"]
        assert not wider, (stage.name, wider[:3])
    assert contents(previous) == contents(case / "expected")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_what_needs_a_waypoint_is_what_scan_says(case: Path) -> None:
    for mesh in read_files([str(case / "input")], target(case)).meshes:
        found = {
            each.name: set(each.waypoint.services if each.waypoint else ()) for each in standings((mesh,), analyse((mesh,)))
        }
        for name, services in found.items():
            assert policies.needs(mesh, name) <= services
            plan = serving.plan(mesh, name, policies.needs(mesh, name), CLOSED)
            assert {service for _, service in plan.by_service} >= policies.needs(mesh, name)
