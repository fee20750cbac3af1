"""Carried out step by step a plan leads to what convert writes at once, and no caller enrols before its callees are bound."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ambimigrate.changes import Stage
from ambimigrate.kinds import KINDS
from ambimigrate.plan import Plan
from ambimigrate.plan.wishes import Wishes
from tests import planned, random_calls, random_meshes
from tests.conftest import FIXTURES
from tests.random_calls import namespace, rules

SHOP = FIXTURES / "repos" / "shop"
VIEWS = tuple(dict.fromkeys(KINDS.values()))
CASES = sorted(path / "input" for path in (FIXTURES / "policies").glob("*") if path.is_dir())
FAST = (Phase.explicit, Phase.reuse, Phase.generate)  # a whole plan is carried out for each example
Objects = dict[str, list[dict[str, Any]]]


# --- the commands lead to the end ---------------------------------------------------------------------------------------


def documents(tree: Path) -> dict[str, list[bytes]]:
    """The files, their documents sorted: what several namespaces add to one file stands in the order in which they move."""
    return {name: sorted(each.strip() for each in text.split(b"\n---\n")) for name, text in planned.contents(tree).items()}


def check(tree: Path, folder: Path, *, step_by_step: bool = False, odd: bool = False) -> Plan:
    """Carries a plan out, and compares with what `convert --out` writes at once; `odd` input has problems, hence exit 2."""
    slow, fast = planned.copied(tree, folder / "slow"), planned.copied(tree, folder / "fast")
    plan = planned.planned(slow)
    held = frozenset(each.namespace for each in plan.held)
    steps = [step for wave in plan.waves for step in wave.steps]
    for step, line in ((one, line) for one in steps for line in planned.of_step(one)):
        if step_by_step:
            code, out = planned.convert(*line[:-1], "--format", "json", output=True)
            made = [
                (each["stage"], each["namespace"], each["mesh"], each["action"], *each["object"].values())
                for each in json.loads(out)["changes"]
            ]
            assert sorted(made, key=repr) == sorted(map(planned.named, step.changes), key=repr), step.id
        code, said = planned.convert(*line, "--quiet")
        fine = {0, 1, 2} if odd and "Usage" not in said else {0}
        assert code in fine or (code == 1 and step.stage is Stage.prepare and held), f"{step.id} {line}: {code} {said}"
    planned.convert(str(fast), "--out", str(folder / "out"), "--quiet")
    assert documents(slow) == documents(folder / "out")
    return plan


def test_the_commands_of_the_demo_lead_to_the_end(tmp_path: Path) -> None:
    plan = check(SHOP, tmp_path)
    assert [name for wave in plan.waves for name in wave.namespaces]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_each_step_changes_what_its_command_changes(case: Path, tmp_path: Path) -> None:
    check(case, tmp_path, step_by_step=True)


@settings(max_examples=12, deadline=None, phases=FAST)
@given(random_calls.meshes())
def test_the_commands_of_random_meshes_lead_to_the_end(found: Objects) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(random_calls.written(found, Path(folder) / "tree"), Path(folder))


@settings(max_examples=20, deadline=None, phases=FAST)
@given(random_meshes.surroundings(), st.lists(random_meshes.objects(VIEWS), max_size=4), random_meshes.written())
def test_the_commands_of_odd_meshes_lead_to_the_end(
    first: list[Any], more: list[Any], text: Callable[[list[Any]], str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tree").mkdir()
        (Path(folder) / "tree" / "mesh.yaml").write_text(text([*first, *more]))
        check(Path(folder) / "tree", Path(folder), odd=True)


# --- what holds for every plan ------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None, phases=FAST)
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
