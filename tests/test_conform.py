"""What a conversion writes passes the CRDs of its target, and fields of the input that no CRD has are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ambimigrate import crds
from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Set, Stage
from ambimigrate.conform import REFUSED, fitting, holding, misread, notes, problems
from ambimigrate.crds import store
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Ref, Target
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from ambimigrate.yamlio import documents, values
from tests import test_convert


def trees(root: Path) -> list[Any]:
    """All objects of a folder, items of Lists one by one."""
    found: list[Any] = []
    for path in sorted(root.rglob("*.yaml")):
        for document in documents(str(path), path.read_text(encoding="utf-8").removeprefix("\ufeff")):
            tree = values(document).value if "{{" not in document.text else None
            found += tree["items"] if isinstance(tree, dict) and isinstance(tree.get("items"), list) else [tree]
    return [each for each in found if isinstance(each, dict)]


@pytest.mark.parametrize("case", test_convert.CASES, ids=lambda path: path.name)
def test_what_a_conversion_writes_passes(case: Path) -> None:
    assert_written(case / "input", case / "expected", test_convert.target(case))


def test_what_the_conversion_of_the_demo_writes_passes(tmp_path: Path) -> None:
    test_convert.written(test_convert.DEMO, tmp_path, Target(NEWEST, NEWEST_GATEWAY_API), check=analyse)
    assert_written(test_convert.DEMO, tmp_path, Target(NEWEST, NEWEST_GATEWAY_API))


def assert_written(before: Path, after: Path, to: Target) -> None:
    known = trees(before)
    for tree in trees(after):
        if tree not in known:
            assert crds.faults(tree, to) == ()


def test_a_change_that_does_not_pass_is_held_and_not_written() -> None:
    reading = read_files([str(test_convert.FOLDER / "texts" / "input")], Target(NEWEST, NEWEST_GATEWAY_API))
    mesh = reading.meshes[0]
    beside = mesh.of(VirtualService)[0]
    value = {"apiVersion": f"{store.GATEWAY_API}/v1", "kind": "HTTPRoute", "metadata": {"name": "a"}, "spec": {"rule": []}}
    ref = Ref("HTTPRoute", store.GATEWAY_API, beside.namespace, "a")
    create = Change(Stage.retire, beside.namespace, mesh.name, ref, Create(ref, value, beside), None)
    good = Change(Stage.retire, beside.namespace, mesh.name, beside.ref, (Set(("spec", "hosts", 0), "b"),), beside)
    bad = Change(Stage.retire, beside.namespace, mesh.name, beside.ref, (Set(("spec", "hosts"), "b"),), beside)
    found = fitting([mesh], (create, good))
    assert found.changes == (good,)
    assert [each.because for each in found.held] == [(REFUSED,)]
    assert "spec.rule: unknown field rule; rules is near" in found.held[0].reason
    assert fitting([mesh], (good, bad)).changes == ()


def test_fields_of_unknown_releases_are_notes() -> None:
    case = test_convert.FOLDER / "held-unknown-fields" / "input"
    mesh = read_files([str(case)], Target(parse("1.40"), NEWEST_GATEWAY_API)).meshes[0]
    found = misread([mesh], lambda _mesh, namespace: namespace != "rule")
    assert (problems(found), holding(found)) == ((), ())
    assert len(notes(found)) == len(found) == 5


def test_a_scan_loads_neither_schemas_nor_jsonschema() -> None:
    program = "import sys, ambimigrate.cli.scan as s; print(sorted({'jsonschema', 'ambimigrate.crds'} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
