"""`plan` and `convert --wave`: what the configuration and options ask of the order, and faults in what is given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ambimigrate.cli import _app, options
from ambimigrate.traffic import QUERY
from tests import planned, random_calls
from tests.random_calls import namespace, rules

# --- the command --------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str, str]:
    options.config.cache_clear()
    result = CliRunner().invoke(_app([arguments[0]]), list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    objects = {name: namespace(name) for name in ("api", "db", "jobs", "web")}
    objects["api"] += rules("api", ("web",), "requests")
    objects["db"] += rules("db", ("api",), "requests")
    random_calls.written(objects, tmp_path / "tree")
    (tmp_path / "tree" / ".ambimigrate.yaml").write_text(planned.AGREED)
    return tmp_path / "tree"


@pytest.fixture
def configured(tree: Path) -> Callable[[str], tuple[int, str, str]]:
    def plan(section: str) -> tuple[int, str, str]:
        (tree / ".ambimigrate.yaml").write_text(f"{planned.AGREED}plan:\n{section}")
        return run("plan", str(tree), "--format", "json")

    return plan


def moved(out: str) -> list[list[str]]:
    return [wave["namespaces"] for wave in json.loads(out)["waves"] if wave["namespaces"]]


def test_the_configuration_is_kept(configured: Callable[[str], tuple[int, str, str]]) -> None:
    assert moved(configured("  pilots: [api]\n")[1]) == [["web"], ["api"], ["jobs"], ["db"]]
    assert moved(configured("  pinned:\n    - {namespace: jobs, after: db}\n")[1]) == [["web"], ["api"], ["db"], ["jobs"]]
    code, out, _ = configured("  exclude: [jobs]\n")
    assert (code, moved(out)) == (1, [["web"], ["api"], ["db"]])
    assert json.loads(out)["held"] == [{"namespace": "jobs", "mesh": "", "because": ["excluded by configuration"]}]


def test_who_is_judged_by_requests_is_held_with_an_excluded_caller(configured: Callable[[str], tuple[int, str, str]]) -> None:
    _, out, _ = configured("  exclude: [web]\n")
    held = {each["namespace"]: each["because"][0] for each in json.loads(out)["held"]}
    assert held["web"] == "excluded by configuration"
    assert "web is held and keeps its sidecars" in held["api"]


def test_faults_of_the_configuration_have_places(configured: Callable[[str], tuple[int, str, str]]) -> None:
    code, out, said = configured("  pilots:\n    - nobody\n")
    assert (code, out) == (2, "")
    assert said.endswith(".ambimigrate.yaml:4: there is no namespace 'nobody' in the input")
    code, _, said = configured("  pinned:\n    - {namespace: api, before: web}\n")
    assert code == 2
    assert ".ambimigrate.yaml:4: api before web contradicts web before api (AuthorizationPolicy api/callers admits it)" in said
    assert configured("  pinned:\n    - {namespace: api}\n")[0] == 2
    assert configured("  maxWave: 0\n")[0] == 2


def test_size_of_waves(tree: Path) -> None:
    assert moved(run("plan", str(tree), "--format", "json", "--max-wave", "1")[1]) == [["jobs"], ["web"], ["api"], ["db"]]
    objects = {"left": [*namespace("left"), *rules("left", ("right",), "requests")]}
    objects["right"] = [*namespace("right"), *rules("right", ("left",), "requests")]
    random_calls.written(objects, tree)
    found = json.loads(run("plan", str(tree), "--format", "json", "--max-wave", "1")[1])
    assert ["left", "right"] in [wave["namespaces"] for wave in found["waves"]]
    assert found["cycles"] == [["left", "right"]]
    assert any("left, right call each other in a circle" in each for each in found["notes"])


def test_traffic_orders(tree: Path, tmp_path: Path) -> None:
    code, out, _ = run("plan", "--traffic-query")
    assert (code, out) == (0, f"{QUERY}\n")
    labels = {"source_workload_namespace": "jobs", "destination_service_namespace": "api", "destination_service_name": "app"}
    answer = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": labels, "value": [1, "3"]}]}}
    file = tmp_path / "seen.json"
    file.write_text(json.dumps(answer))
    found = json.loads(run("plan", str(tree), "--traffic", str(file), "--format", "json")[1])
    assert any(each["because"].startswith("traffic: 3 requests/s") for each in found["calls"])
    file.write_text(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}}))
    code, out, said = run("plan", str(tree), "--traffic", str(file))
    assert (code, out) == (2, "")
    assert "is no answer to the query" in said


def test_a_recorded_wave_is_converted(tree: Path) -> None:
    code, _, said = run("plan", str(tree), "--record")
    assert (code, "recorded in" in said) == (0, True)
    kept = json.loads((tree / ".ambimigrate" / "plan.json").read_text())
    for wave in kept["waves"]:
        for stage in [each["stage"] for each in wave["steps"] if each["stage"]]:
            code, _, said = run("convert", str(tree), "--wave", str(wave["number"]), "--stage", stage, "--write")
            assert code == 0, (wave["number"], stage, said)
    assert moved(run("plan", str(tree), "--format", "json")[1]) == []
    assert run("convert", str(tree))[1] == ""


def bad_plans() -> Iterator[tuple[str, str]]:
    yield "", "there is no recorded plan"
    yield "{", "is no JSON"
    yield "[]", "its schema is None"
    yield '{"schema": "ambimigrate.plan/v0"}', "is no plan of this version"
    yield '{"schema": "ambimigrate.plan/v1", "waves": 5}', "is no plan:"


@pytest.mark.parametrize(("text", "wanted"), list(bad_plans()))
def test_bad_plans_are_named(text: str, wanted: str, tree: Path) -> None:
    place = tree / ".ambimigrate" / "plan.json"
    place.parent.mkdir()
    if text:
        place.write_text(text)
    code, _, said = run("convert", str(tree), "--wave", "2")
    assert (code, wanted in said.replace("│ ", "")) == (2, True), said


def test_an_old_plan_is_named(tree: Path) -> None:
    run("plan", str(tree), "--record")
    shutil.rmtree(tree / "jobs")
    number = next(
        each["number"]
        for each in json.loads((tree / ".ambimigrate/plan.json").read_text())["waves"]
        if "jobs" in each["namespaces"]
    )
    code, _, said = run("convert", str(tree), "--wave", str(number))
    assert code == 2
    assert "the recorded plan is old: there is no namespace 'jobs'" in said
    assert run("convert", str(tree), "--wave", "99")[0] == 2
    assert run("convert", str(tree), "--wave", str(number), "-A")[0] == 2
