"""Nothing is lost in silence: each object that convert handles is changed, held, or said to stay as it is, with a reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.changes import Stage
from ambimigrate.convert import Choice, Conversion, convert
from ambimigrate.convert.accounting import NOT_ASKED
from ambimigrate.convert.unchanged import KINDS, NOTHING
from ambimigrate.model import Mesh, Ref
from ambimigrate.sources.read import read_files
from tests.conftest import FIXTURES
from tests.test_convert import CASES, DEMO, Check, agreed, nothing, target

REPOS = sorted(path for path in (FIXTURES / "repos").iterdir() if path.is_dir())
ROOTS = [*(case / "input" for case in CASES), *REPOS]


def name(root: Path) -> str:
    return root.parent.name if root.name == "input" else root.name


def conversions(root: Path, choice: Choice, check: Check) -> tuple[tuple[Mesh, ...], Conversion]:
    case = root.parent if root.name == "input" else DEMO
    meshes = read_files([str(root)], target(case)).meshes
    chosen = replace(choice, settings=agreed(case)) if case != DEMO else choice
    return meshes, convert(meshes, tuple(check(meshes)), chosen, check=check)


def changed(mesh: Mesh, conversion: Conversion) -> set[Ref]:
    """The objects that changes of the mesh are about or come from."""
    own = [each for each in conversion.changes if each.mesh == mesh.name]
    named = {at for each in own for at in each.sources}
    files = {at.file for at in named}
    about = {each.subject.ref for each in own if each.subject}
    return about | {each.ref for each in mesh.resources if each.file in files and each.at() in named}


def check_whole(meshes: tuple[Mesh, ...], conversion: Conversion) -> None:
    for mesh in meshes:
        every = {each.ref for kind in KINDS for each in mesh.of(kind)}
        said = Counter(each.ref for each in conversion.untouched if each.mesh == mesh.name)
        held = {each.ref for each in conversion.held if each.mesh == mesh.name}
        assert every <= changed(mesh, conversion) | held | said.keys()
        assert not every & said.keys() & (changed(mesh, conversion) | held)
        assert not [ref for ref in every if said[ref] > 1]


@pytest.mark.parametrize("check", [nothing, analyse], ids=["alone", "with-findings"])
@pytest.mark.parametrize("root", ROOTS, ids=name)
def test_every_object_is_in_one_list(root: Path, check: Check) -> None:
    meshes, conversion = conversions(root, Choice(), check)
    check_whole(meshes, conversion)
    assert not [each for each in conversion.untouched if not each.reason or each.reason == NOTHING]


@pytest.mark.parametrize("stage", Stage)
def test_so_it_is_at_every_stage(stage: Stage) -> None:
    meshes, conversion = conversions(DEMO, Choice(stage=stage), analyse)
    check_whole(meshes, conversion)
    later = {each.ref for each in conversion.untouched if each.reason.startswith("it changes at stage ")}
    assert bool(later) == bool(conversion.pending)


def test_what_was_not_asked_for_is_said_to_be_so() -> None:
    meshes, conversion = conversions(DEMO, Choice(("recommendation",)), analyse)
    check_whole(meshes, conversion)
    others = [each for each in conversion.untouched if each.reason == NOT_ASKED]
    assert others
    assert "recommendation" not in {each.ref.namespace for each in others}
    assert NOTHING not in {each.reason for each in conversion.untouched}
