"""The plan: order of namespaces, steps that can be carried out, and the contract of its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambimigrate import catalogue
from ambimigrate.model import Target
from ambimigrate.plan.graph import graph
from ambimigrate.plan.order import Asked, order
from ambimigrate.sources.read import read_files
from ambimigrate.topology.callgraph import calls
from ambimigrate.topology.circles import groups
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.conftest import FIXTURES

SHOP = FIXTURES / "repos" / "shop"
NAMES = st.sampled_from("abcdefgh")


@given(st.sets(NAMES), st.sets(st.tuples(NAMES, NAMES)))
def test_groups_are_circles_in_order(names: set[str], edges: set[tuple[str, str]]) -> None:
    found = groups(names, edges)
    assert sorted(name for group in found for name in group) == sorted(names)
    place = {name: number for number, group in enumerate(found) for name in group}
    inside = {(start, end) for start, end in edges if start in names and end in names}
    assert all(place[end] <= place[start] for start, end in inside)
    for group in found:
        for start in group:
            assert set(group) <= _reached(start, inside)


def _reached(start: str, edges: set[tuple[str, str]]) -> set[str]:
    reached, left = {start}, [start]
    while left:
        here = left.pop()
        following = {end for begin, end in edges if begin == here} - reached
        reached |= following
        left += following
    return reached


def test_long_chains_need_no_recursion() -> None:
    names = [f"n{number:05}" for number in range(5000)]
    found = groups(names, pairwise(names))
    assert [group[0] for group in found] == names[::-1]


def namespace(name: str, number: int = 0) -> str:
    return f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {name}, labels: {{istio-injection: enabled}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app{number}, namespace: {name}}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  template: {{metadata: {{labels: {{app: app}}}}, spec: {{containers: [{{name: app, image: app}}]}}}}
"""


def allow(server: str, *clients: str) -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: callers, namespace: {server}}}
spec: {{rules: [{{from: [{{source: {{namespaces: [{", ".join(clients)}]}}}}], to: [{{operation: {{methods: [GET]}}}}]}}]}}
"""


def test_clients_come_before_servers_and_circles_together(tmp_path: Any) -> None:
    objects = [namespace(each) for each in ("web", "api", "db", "left", "right")]
    objects += [allow("api", "web"), allow("db", "api"), allow("left", "right"), allow("right", "left")]
    (tmp_path / "mesh.yaml").write_text("---".join(objects))
    mesh = read_files([str(tmp_path)], Target(NEWEST, NEWEST_GATEWAY_API)).meshes[0]
    assert {(call.caller, call.callee) for call in calls(mesh)} == {
        ("web", "api"),
        ("api", "db"),
        ("left", "right"),
        ("right", "left"),
    }
    asked = Asked(graph(mesh), frozenset({"api", "db", "left", "right"}))
    found = order(mesh, frozenset(), asked)
    assert found.waves == (("web",), ("api", "left", "right"), ("db",))
    assert found.cycles == (("left", "right"),)
    assert found.ahead(("web",), frozenset({"api", "db"})) == ("api", "db")
    assert order(mesh, frozenset({"api"}), asked).waves == (("web",), ("db", "left", "right"))


def plan(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "ambimigrate", "plan", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr, run.stderr
    return run.returncode, run.stdout


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    code, out = plan(str(SHOP), "--mesh", "prod", "--format", "json")
    assert code == 1
    return dict(json.loads(out))


def test_plan_fits_its_schema(shop: dict[str, Any]) -> None:
    schema = json.loads((catalogue.folder() / "schemas" / "plan.json").read_text())
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(shop))


def test_each_namespace_moves_once_or_is_held(shop: dict[str, Any]) -> None:
    moving = [name for wave in shop["waves"] for name in wave["namespaces"]]
    held = [each["namespace"] for each in shop["held"]]
    assert len(moving) == len(set(moving))
    assert not set(moving) & set(held)
    assert {"recommendation", "sessions"} <= set(moving)
    assert {"payment", "legacy", "cart"} <= set(held)
    assert all(each["because"] for each in shop["held"])


def test_waypoint_of_a_server_is_bound_before_its_client_enrolls(shop: dict[str, Any]) -> None:
    steps = [(step["stage"], step["title"]) for wave in shop["waves"] for step in wave["steps"]]
    bound = next(number for number, (stage, title) in enumerate(steps) if stage == "bind" and "recommendation" in title)
    enrolled = next(number for number, (stage, title) in enumerate(steps) if stage == "enroll" and "recommendation" in title)
    waypoints = next(number for number, (stage, _) in enumerate(steps) if stage == "waypoints")
    assert waypoints < bound < enrolled


def test_commands_name_this_mesh(shop: dict[str, Any]) -> None:
    lines = [
        line for wave in shop["waves"] for step in wave["steps"] for key in ("commands", "gate", "undo") for line in step[key]
    ]
    assert not [line for line in lines if "<" in line or "YOUR-" in line]
    restart = "kubectl -n recommendation rollout restart"
    assert any(line.startswith(restart) for line in lines)


def test_text_is_the_same_plan() -> None:
    code, out = plan(str(SHOP), "--mesh", "prod")
    assert code == 1
    assert "Held at `prepare`" in out
    assert "Wave 1" in out


def test_a_folder_without_anything_is_an_error(tmp_path: Any) -> None:
    code, out = plan(str(tmp_path))
    assert code == 2
    assert "nothing was read" in out
