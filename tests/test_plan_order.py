"""The order of a plan: what goes before what, what a user wants of it, and that its commands lead to the end at once."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ambimigrate.changes import Stage
from ambimigrate.cli import _app, options
from ambimigrate.model import Mesh, Target
from ambimigrate.plan import Plan
from ambimigrate.plan.graph import graph
from ambimigrate.plan.units import units
from ambimigrate.plan.waves import Ranks, Task, fill
from ambimigrate.plan.wishes import NONE, Contradiction, Named, Pin, Wishes
from ambimigrate.sources.read import read_files
from ambimigrate.topology.callgraph import calls, witnesses
from ambimigrate.traffic import QUERY, Flow, Traffic
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests import planned, random_calls
from tests.conftest import FIXTURES
from tests.random_calls import namespace, rules

SHOP = FIXTURES / "repos" / "shop"
CASES = sorted(path / "input" for path in (FIXTURES / "policies").glob("*") if path.is_dir())
NAMES = st.sampled_from("abcdefgh")
Objects = dict[str, list[dict[str, Any]]]


# --- units and waves: pure functions ----------------------------------------------------------------------------------


def waves(
    names: str, pairs: set[tuple[str, str]], wishes: Wishes = NONE, risks: Mapping[str, int] | None = None, first: int = 1
) -> list[str]:
    found = units(names, {pair: "a policy" for pair in pairs}, wishes.pinned)
    return ["".join(each) for each in fill(Task(found, Ranks(risks or {}, {}), wishes, first))]


@given(st.sets(NAMES), st.sets(st.tuples(NAMES, NAMES)), st.integers(0, 3), st.dictionaries(NAMES, st.integers(0, 2)))
def test_callers_come_first_and_circles_together(
    names: set[str], pairs: set[tuple[str, str]], most: int, risks: dict[str, int]
) -> None:
    found = waves("".join(names), pairs, Wishes(most), risks)
    place = {name: number for number, wave in enumerate(found) for name in wave}
    assert sorted(place) == sorted(names)
    circles = units(names, dict.fromkeys(pairs, ""), ()).units
    home = {name: circle for circle in circles for name in circle}
    for caller, callee in pairs:
        if caller in names and callee in names:
            assert place[caller] < place[callee] or home[caller] == home[callee]
    for circle in circles:
        assert len({place[name] for name in circle}) == 1
    for wave in found if most else ():
        assert len(wave) <= most or set(wave) == set(home[wave[0]])


@given(st.sets(NAMES), st.sets(st.tuples(NAMES, NAMES)), st.randoms())
def test_the_order_of_the_input_does_not_count(names: set[str], pairs: set[tuple[str, str]], chance: random.Random) -> None:
    shuffled = chance.sample(sorted(names), len(names))
    mixed = chance.sample(sorted(pairs), len(pairs))
    assert waves("".join(shuffled), dict.fromkeys(mixed).keys()) == waves("".join(sorted(names)), pairs)  # type: ignore[arg-type]


def test_least_risk_first_and_pilots_before_all() -> None:
    risks = {"a": 2, "b": 1, "c": 0, "d": 0}
    assert waves("abcd", set(), risks=risks) == ["cd", "b", "a"]
    assert waves("abcd", set(), Wishes(1), risks) == ["c", "d", "b", "a"]
    assert waves("abcd", set(), Wishes(pilots=(Named("b"),)), risks) == ["b", "cd", "a"]
    assert waves("abcd", {("a", "b")}, Wishes(pilots=(Named("b"),)), risks) == ["a", "b", "cd"]


def test_pins_are_kept() -> None:
    assert waves("abc", set(), Wishes(pinned=(Pin("a", wave=2),))) == ["bc", "a"]
    assert waves("abc", set(), Wishes(pinned=(Pin("a", wave=4),)), first=3) == ["bc", "a"]
    assert waves("abc", set(), Wishes(pinned=(Pin("a", before="b"), Pin("a", after="c")))) == ["c", "a", "b"]
    assert waves("abcd", {("a", "d")}, Wishes(1, (Pin("d", wave=2),)), {"a": 2}) == ["a", "d", "b", "c"]


CONTRADICTIONS = {
    "f:1: a after b contradicts a before b (a policy)": ("ab", {("a", "b")}, (Pin("a", "f:1", after="b"),)),
    "f:2: c before a contradicts a before b (a policy), b before c (pinned at f:1)": (
        "abc",
        {("a", "b")},
        (Pin("b", "f:1", before="c"), Pin("c", "f:2", before="a")),
    ),
    "f:1: a before b contradicts b before a (a policy)": ("ab", {("a", "b"), ("b", "a")}, (Pin("a", "f:1", before="b"),)),
    "f:1: b in wave 3 cannot be: with what has to move before it, wave 4 is the first for it": (
        "ab",
        {("a", "b")},
        (Pin("b", "f:1", wave=3),),
    ),
    "f:1: a in wave 2 cannot be: the first wave that moves namespaces is 3": ("ab", set(), (Pin("a", "f:1", wave=2),)),
    "f:1: wave 4 would stay empty, since only a is left, for later waves": ("ab", set(), (Pin("a", "f:1", wave=5),)),
    "f:2: b in wave 5 contradicts wave 4 of another one of a, b, which move together": (
        "ab",
        {("a", "b"), ("b", "a")},
        (Pin("a", "f:1", wave=4), Pin("b", "f:2", wave=5)),
    ),
}


@pytest.mark.parametrize("said", CONTRADICTIONS)
def test_contradicting_pins_are_named(said: str) -> None:
    names, pairs, pinned = CONTRADICTIONS[said]
    with pytest.raises(Contradiction) as error:
        waves(names, pairs, Wishes(pinned=pinned), first=3)
    assert said in str(error.value).splitlines()


def test_pins_that_do_not_fit_into_a_wave_are_named() -> None:
    with pytest.raises(Contradiction, match="a, b would have to move in wave 1, of 1 at most"):
        waves("abc", set(), Wishes(1, (Pin("a", "f:1", wave=1), Pin("b", "f:2", wave=1))))


def test_faults_of_wishes_are_all_named() -> None:
    wishes = Wishes(
        pinned=(Pin("a", "f:1", wave=3), Pin("a", "f:2", wave=4), Pin("b", "f:3", before="x")),
        exclude=(Named("b", "f:4"),),
        pilots=(Named("b", "f:5"), Named("y", "f:6")),
    )
    with pytest.raises(Contradiction) as error:
        wishes.check("ab")
    assert str(error.value).splitlines() == [
        "f:3: there is no namespace 'x' in the input",
        "f:6: there is no namespace 'y' in the input",
        "f:3: b is to move, and to stay at f:4",
        "f:5: b is to move, and to stay at f:4",
        "f:2: a in wave 4 contradicts wave 3 at f:1",
    ]


# --- the call graph ---------------------------------------------------------------------------------------------------


def mesh(tmp_path: Path, *objects: Any) -> Mesh:
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all(objects))
    return read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]


def of(kind: str, name: str, space: str, spec: Any, **more: Any) -> dict[str, Any]:
    group = {"NetworkPolicy": "networking.k8s.io/v1", "ConfigMap": "v1", "Service": "v1"}
    version = group.get(kind, "security.istio.io/v1" if kind == "AuthorizationPolicy" else "networking.istio.io/v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space, **more}, **spec}


def test_every_edge_says_where_it_comes_from(tmp_path: Path) -> None:
    spaces = [each for name in ("api", "web", "jobs") for each in namespace(name)]
    spaces[4]["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "API", "value": "http://app.api:80"}]
    host = "app.api.svc.cluster.local"
    to = {"route": [{"destination": {"host": host}}]}
    selected = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}
    listed = {
        "namespaceSelector": {
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["jobs"]}]
        }
    }
    found = mesh(
        tmp_path,
        *spaces,
        of("VirtualService", "own", "web", {"spec": {"hosts": [host], "http": [to]}}),
        of("VirtualService", "shown", "api", {"spec": {"hosts": [host], "exportTo": ["jobs", "."], "http": [to]}}),
        of("DestinationRule", "shown", "api", {"spec": {"host": host, "exportTo": ["jobs"]}}),
        of("ServiceEntry", "shown", "api", {"spec": {"hosts": ["x.example"], "exportTo": ["jobs"]}}),
        of("Service", "shown", "api", {"spec": {"ports": []}}, annotations={"networking.istio.io/exportTo": "jobs, web"}),
        of("Sidecar", "default", "web", {"spec": {"egress": [{"hosts": ["api/*", "./*"]}]}}),
        of("NetworkPolicy", "in", "api", {"spec": {"ingress": [{"from": [selected, listed]}]}}),
        of("NetworkPolicy", "out", "api", {"spec": {"egress": [{"to": [selected]}]}}),
        of("ConfigMap", "urls", "jobs", {"data": {"api": f"api = http://{host}/"}}),
        *rules("api", ("web",), "identity"),
    )
    edges = graph(found).edges
    said = {(each.caller, each.callee, each.because, each.guessed) for each in edges}
    assert said == {
        ("web", "api", "VirtualService web/own routes to it", False),
        ("web", "api", "Sidecar web/default lists its hosts", False),
        ("web", "api", "NetworkPolicy api/in lets it in", False),
        ("web", "api", "AuthorizationPolicy api/callers admits it", False),
        ("web", "api", "Service api/shown is exported to it", False),
        ("web", "api", "Deployment web/app names a Service of it", True),
        ("api", "web", "NetworkPolicy api/out lets calls to it out", False),
        ("jobs", "api", "NetworkPolicy api/in lets it in", False),
        ("jobs", "api", "VirtualService api/shown is exported to it", False),
        ("jobs", "api", "DestinationRule api/shown is exported to it", False),
        ("jobs", "api", "ServiceEntry api/shown is exported to it", False),
        ("jobs", "api", "Service api/shown is exported to it", False),
        ("jobs", "api", "ConfigMap jobs/urls names a Service of it", True),
    }
    assert all(each.file.endswith("mesh.yaml") and each.line for each in edges)
    assert {(each.caller, each.callee) for each in calls(found)} <= {(each.caller, each.callee) for each in witnesses(found)}


def test_traffic_adds_edges(tmp_path: Path) -> None:
    found = mesh(tmp_path, *namespace("api"), *namespace("web"))
    flows = (Flow("web", "front", "", "api", "app", 2.5), Flow("web", "old", "", "api", "db", 1.0, "connections"))
    (edge,) = graph(found, Traffic((*flows, Flow("", "", "", "api", "app", 9.0))), "seen.json").edges
    assert (edge.caller, edge.callee, edge.file, edge.line) == ("web", "api", "seen.json", None)
    assert edge.because == "traffic: 2.5 requests/s and 1 connections/s, most from front to app"


# --- the commands lead to the end ---------------------------------------------------------------------------------------


def documents(tree: Path) -> dict[str, list[bytes]]:
    """The files, their documents sorted: what several namespaces add to one file stands in the order in which they move."""
    return {name: sorted(each.strip() for each in text.split(b"\n---\n")) for name, text in planned.contents(tree).items()}


def check(tree: Path, folder: Path, *, step_by_step: bool = False) -> Plan:
    """Carries a plan out, and compares with what `convert --out` writes at once."""
    slow, fast = planned.copied(tree, folder / "slow"), planned.copied(tree, folder / "fast")
    plan = planned.planned(slow)
    held = frozenset(each.namespace for each in plan.held)
    for line, step in ((each, step) for wave in plan.waves for step in wave.steps for each in planned.of_step(step)):
        if step_by_step:
            code, out = planned.convert(*line[:-1], "--format", "json", output=True)
            made = [
                (each["stage"], each["namespace"], each["mesh"], each["action"], *each["object"].values())
                for each in json.loads(out)["changes"]
            ]
            assert sorted(made, key=repr) == sorted(map(planned.named, step.changes), key=repr), step.id
        code, said = planned.convert(*line, "--quiet")
        assert code == 0 or (code == 1 and step.stage is Stage.prepare and held), f"{step.id} {line}: {code} {said}"
    planned.convert(str(fast), "--out", str(folder / "out"), "--quiet")
    assert documents(slow) == documents(folder / "out")
    return plan


def test_the_commands_of_the_demo_lead_to_the_end(tmp_path: Path) -> None:
    plan = check(SHOP, tmp_path)
    assert [name for wave in plan.waves for name in wave.namespaces]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_each_step_changes_what_its_command_changes(case: Path, tmp_path: Path) -> None:
    check(case, tmp_path, step_by_step=True)


@settings(max_examples=15, deadline=None)
@given(random_calls.meshes())
def test_the_commands_of_random_meshes_lead_to_the_end(found: Objects) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(random_calls.written(found, Path(folder) / "tree"), Path(folder))


# --- what holds for every plan ------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(random_calls.meshes(), random_calls.wishes())
def test_no_caller_enrols_before_its_callees_are_bound(found: Objects, most: int) -> None:
    """WP37: with it go the waypoints and the policies that they carry out."""
    with tempfile.TemporaryDirectory() as folder:
        tree = planned.copied(random_calls.written(found, Path(folder) / "tree"), Path(folder) / "agreed")
        plan = planned.planned(tree, Wishes(most))
    steps = [step for wave in plan.waves for step in wave.steps]
    done = {(change.namespace, step.stage): number for number, step in enumerate(steps) for change in step.changes}
    enrolled = {name: number for number, step in enumerate(steps) for name in step.enrolls}
    for edge in plan.graphs[0].edges:
        for stage in (Stage.waypoints, Stage.policies, Stage.bind):
            if edge.caller in enrolled and (edge.callee, stage) in done and edge.callee in enrolled:
                assert done[edge.callee, stage] < enrolled[edge.caller], edge
    assert not {each.namespace for each in plan.held} & enrolled.keys()
    assert len(enrolled) == sum(len(wave.namespaces) for wave in plan.waves)


def test_names_and_order_of_files_do_not_count(tmp_path: Path) -> None:
    for name, rename in (("one", str), ("two", lambda each: each[::-1])):
        for number, path in enumerate(sorted((CASES[0]).rglob("*.yaml"))):
            place = tmp_path / name / f"{rename(f'{number:03}')}.yaml"
            place.parent.mkdir(exist_ok=True)
            shutil.copy(path, place)
        (tmp_path / name / ".ambimigrate.yaml").write_text(planned.AGREED)
    first, second = (planned.planned(tmp_path / name) for name in ("one", "two"))
    assert [(wave.title, wave.namespaces, [step.title for step in wave.steps]) for wave in first.waves] == [
        (wave.title, wave.namespaces, [step.title for step in wave.steps]) for wave in second.waves
    ]


def test_where_only_gateways_run_nothing_enrols(tmp_path: Path) -> None:
    random_calls.written({"edge": namespace("edge", gateway=True), "web": namespace("web")}, tmp_path)
    assert [wave.namespaces for wave in planned.planned(tmp_path).waves if wave.namespaces] == [("web",)]


def test_servers_without_rules_about_requests_do_not_wait(tmp_path: Path) -> None:
    api = [*namespace("api"), *rules("api", ("web",), "identity")]
    shop = [*namespace("shop"), *rules("shop", ("web",), "requests")]
    web = namespace("web", state=True)
    tree = planned.copied(random_calls.written({"api": api, "shop": shop, "web": web}, tmp_path / "a"), tmp_path / "b")
    assert [wave.namespaces for wave in planned.planned(tree).waves if wave.namespaces] == [("api",), ("web",), ("shop",)]


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


@pytest.mark.parametrize(("text", "wanted"), bad_plans())
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
