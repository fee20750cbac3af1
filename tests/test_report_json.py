"""The JSON report: it follows its schema and the contract, and depends neither on the order of files nor on hashing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ambimigrate import catalogue
from ambimigrate.model import Target
from ambimigrate.render.encoding import dumped
from ambimigrate.render.json import record, render
from ambimigrate.report import report
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API, parse
from tests.conftest import FIXTURES

SCHEMA = json.loads((catalogue.folder() / "schemas" / "report.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
DEMO = FIXTURES / "repos" / "shop"
TREES = [
    DEMO,
    *sorted((FIXTURES / "reading" / "kustomize").iterdir()),
    *sorted((FIXTURES / "rules").iterdir()),
    FIXTURES / "rules",
]

# Runs the program with the entries of every folder in a shuffled order.
SHUFFLED = """\
import os, random, sys
scandir, random.seed = os.scandir, random.seed(sys.argv.pop(1))
os.scandir = lambda path: random.sample(found := list(scandir(path)), len(found))
from ambimigrate.__main__ import main
main()
"""


def made(tree: Path, istio: str = "", *, strict: bool = False) -> dict[str, Any]:
    target = Target(parse(istio) if istio else NEWEST, NEWEST_GATEWAY_API)
    found = json.loads(dumped(record(report(read_files([str(tree)], target), strict=strict, objects=True))))
    assert isinstance(found, dict)
    return found


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("tree", TREES, ids=lambda path: str(path.relative_to(FIXTURES)))
@pytest.mark.parametrize("istio", ["", "1.24.0"])
def test_report_follows_schema_and_contract(tree: Path, istio: str) -> None:
    found = made(tree, istio)
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(found)] == []
    assert_contract(found, tree)


def assert_contract(found: dict[str, Any], tree: Path) -> None:
    """What the schema cannot say."""
    finds = found["findings"]
    counted = {level: sum(each["severity"] == level and not each["suppressed"] for each in finds) for level in LEVELS}
    assert {level: found["summary"][level] for level in LEVELS} == counted
    assert len({each["fingerprint"] for each in finds}) == len(finds)
    for each in finds:
        assert each["mesh"] == each["meshes"][0]
        assert set(each["meshes"]) <= set(found["input"]["meshes"])
        assert each["file"] or each["object"]["kind"] == "Mesh"
        assert each["file"].startswith(f"{tree}/") or not each["file"]
    names = [(each["mesh"], each["name"]) for each in found["namespaces"]]
    assert names == sorted(set(names))
    for each in found["namespaces"]:
        assert each["verdict"] != "needs-waypoint" or each["waypoint"]
        assert (each["mode"] == "none") == (each["verdict"] == "not-in-mesh")
        assert (each["verdict"] == "unknown") == bool(each["not_seen"]) or each["verdict"] == "not-in-mesh"


LEVELS = ("blocker", "error", "warning", "info")


def test_each_object_stands_where_the_report_says() -> None:
    for each in made(DEMO)["objects"]:
        lines = Path(each["file"]).read_text(encoding="utf-8").splitlines()
        document = "\n".join(lines[each["line"] - 1 :]).split("\n---")[0]
        assert each["kind"] in document


def test_report_of_problems_follows_the_schema(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: [\n", encoding="utf-8")
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("name: x\n", encoding="utf-8")
    (tmp_path / "chart" / "templates" / "x.yaml").write_text("kind: Service\nname: {{ .Values.x }}\n", encoding="utf-8")
    found = made(tmp_path)
    VALIDATOR.validate(found)
    assert [(each["file"], each["line"]) for each in found["problems"]] == [(f"{tmp_path}/bad.yaml", 4)]
    assert found["input"]["not_rendered"] == [f"{tmp_path}/chart/templates/x.yaml"]
    strict = made(tmp_path, strict=True)
    assert [each["file"] for each in strict["problems"]] == [f"{tmp_path}/bad.yaml", f"{tmp_path}/chart/templates/x.yaml"]


def scan(seed: str, tree: Path) -> bytes:
    command = [sys.executable, "-c", SHUFFLED, seed, "scan", str(tree), "--format", "json", "--objects"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run(command, capture_output=True, check=False, timeout=300, env=environment)
    assert ran.returncode in {0, 1}, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("tree", [DEMO, FIXTURES / "rules"], ids=lambda path: path.name)
def test_report_depends_neither_on_the_order_of_files_nor_on_hashing(tree: Path) -> None:
    first = scan("1", tree)
    assert first
    assert all(scan(seed, tree) == first for seed in ("2", "77"))


def test_what_is_written_is_the_record() -> None:
    for objects in (False, True):
        found = report(read_files([str(DEMO)], Target(NEWEST, NEWEST_GATEWAY_API)), objects=objects)
        out = io.StringIO()
        render(found, out)
        assert out.getvalue() == dumped(record(found))
