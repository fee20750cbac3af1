"""`status` of a small mesh: restarts that are half done, plans that do not fit, cannot be used, or are not there."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import FIXTURES
from tests.planned import convert, copied
from tests.statused import deployment, follow, kinds, namespace, of, pod, put, run, status

SHOP = FIXTURES / "repos" / "shop"


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A namespace that has only to be enrolled."""
    tree = put(tmp_path / "web", namespace("web", **{"istio-injection": "enabled"}), deployment("web", "web"))
    assert run("plan", str(tree), "--record")[0] == 0
    return tree


AMBIENT = {"istio.io/dataplane-mode": "ambient"}
PODS = (
    pod("web-1-a", "web", owner=("ReplicaSet", "web-1"), sidecar=True),
    pod("web-1-b", "web", owner=("ReplicaSet", "web-1"), captured=True),
    pod("sum-1", "web", owner=("Job", "sum"), sidecar=True),
    pod("cron-1", "web", owner=("DaemonSet", "cron")),
)


def test_restarts_that_are_half_done(web: Path) -> None:
    put(web, namespace("web", **AMBIENT), deployment("web", "web"), *PODS)
    code, found = status(str(web))
    assert code == 0
    assert of(found, "web")["stage"] == "enroll"
    assert not of(found, "web")["done"]
    assert of(found, "web")["half_done"] == [
        "2 of 4 pods still with a sidecar: Deployment web, Job sum",
        "1 of 4 pods with neither sidecar nor ztunnel: DaemonSet cron",
    ]
    assert found["next"]["commands"] == [
        "kubectl -n web rollout restart deployment/web",
        "kubectl -n web rollout status deployment/web --timeout=10m",
        "kubectl -n web wait --for=condition=Complete job/sum --timeout=30m    # a Job that runs keeps its sidecar",
        "kubectl -n web rollout restart daemonset/cron",
        "kubectl -n web rollout status daemonset/cron --timeout=10m",
    ]
    put(web, namespace("web", **AMBIENT), deployment("web", "web"), PODS[1])
    code, found = status(str(web))
    assert (code, found["next"], of(found, "web")["done"]) == (0, None, True)


def test_pods_that_are_ambient_too_early(web: Path) -> None:
    put(web, namespace("web", **{"istio-injection": "enabled"}), deployment("web", "web"), *PODS[:2])
    found = status(str(web))[1]
    assert of(found, "web")["half_done"] == ["1 of 2 pods ambient, though the namespace is not: Deployment web"]


def test_namespaces_that_are_new_or_gone(web: Path) -> None:
    put(web, namespace("late", **{"istio-injection": "enabled"}), deployment("late", "late"))
    code, found = status(str(web))
    assert code == 0
    assert sorted(kinds(found)) == [("gone", "web", ""), ("new", "late", "")]
    assert of(found, "web")["why"] == "it is gone"
    assert of(found, "late")["why"] == "not in the plan, see below"
    assert "plan --record" in next(each["message"] for each in found["drift"] if each["kind"] == "new")


def test_a_plan_for_another_version(web: Path) -> None:
    code, found = status(str(web), "--istio-version", "1.29.0")
    assert (code, kinds(found)) == (0, [("target", "", "")])
    assert found["drift"][0]["message"].startswith("the plan is for Istio 1.31.1, and this is Istio 1.29.0: record it anew")


def test_work_that_the_plan_does_not_have(web: Path) -> None:
    own = deployment("own", "web")
    own["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "true"
    put(web, namespace("web", **{"istio-injection": "enabled"}), deployment("web", "web"), own)
    found = status(str(web))[1]
    assert kinds(found) == [("more", "web", "")]
    assert "Deployment web/own (enroll)" in found["drift"][0]["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ('{"schema": "ambimigrate.plan/v0"}', "is no plan of this version"),
        ('{"schema": "ambimigrate.plan/v1", "waves": {}}', "is no plan"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_plans_that_cannot_be_used(text: str | bytes, said: str, web: Path) -> None:
    file = web / ".ambimigrate" / "plan.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, told = run("status", str(web))
    assert (code, out) == (2, "")
    assert said in told
    assert "plan --record" in told


def test_a_plan_that_is_named_must_be_there(web: Path, tmp_path: Path) -> None:
    assert run("status", str(web), "--plan", str(tmp_path / "none.json"))[0] == 2
    moved = shutil.move(web / ".ambimigrate" / "plan.json", tmp_path / "plan.json")
    code, found = status(str(web), "--plan", str(moved))
    assert (code, found["plan"], found["next"]["id"]) == (0, str(moved), "2.1")


def test_a_plan_of_before_changes_were_listed(web: Path) -> None:
    file = web / ".ambimigrate" / "plan.json"
    plan = json.loads(file.read_text())
    for step in (each for wave in plan["waves"] for each in wave["steps"]):
        del step["changes"]
    file.write_text(json.dumps(plan))
    assert [each["next"]["id"] for each in follow(web) if each["next"]] == ["2.1"]


def test_without_a_plan(web: Path) -> None:
    shutil.rmtree(web / ".ambimigrate")
    code, found = status(str(web))
    assert (code, found["plan"], of(found, "web")["stage"], found["next"]["stage"]) == (0, None, "none", "enroll")
    assert found["next"]["commands"] == [f"ambimigrate plan {web} --record"]
    put(web, namespace("web", **AMBIENT), deployment("web", "web"))
    found = status(str(web))[1]
    assert (of(found, "web")["stage"], of(found, "web")["done"], found["why"]) == ("enroll", True, "nothing is left to do")


def test_without_a_plan_early_stages_are_commands(tmp_path: Path) -> None:
    tree = copied(SHOP, tmp_path / "tree")
    found = status(str(tree))[1]
    assert found["next"]["stage"] == "prepare"
    code, said = convert(*shlex.split(found["next"]["commands"][0])[2:])
    assert code in {0, 1}, said
    assert status(str(tree))[1]["next"] != found["next"]


def test_problems_in_the_input(web: Path) -> None:
    (web / "bad.yaml").write_text("kind: Service\napiVersion: v1\nmetadata: {name: [\n")
    assert status(str(web))[0] == 2


def test_a_mesh_without_a_recorded_plan_is_named_once(tmp_path: Path) -> None:
    tree = copied(SHOP, tmp_path / "shop")
    run("plan", str(tree), "--mesh", "prod", "--record")
    _, found = status(str(tree))
    assert {each["mesh"] for each in found["namespaces"]} == {"prod"}
    (new,) = [each for each in found["drift"] if each["kind"] == "new"]
    assert (new["mesh"], new["namespace"]) == ("staging", "")
    assert "no plan is recorded for this mesh" in new["message"]
    _, found = status(str(tree), "--mesh", "staging")
    assert {each["mesh"] for each in found["namespaces"]} == {"staging"}
    assert not [each for each in found["namespaces"] if each["next"]]
