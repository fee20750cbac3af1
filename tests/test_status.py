"""`status` on the demo: forward through its plan by what is said to be next, and steps skipped, undone or changed."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from ambimigrate.render import status_text
from ambimigrate.status import Status
from ambimigrate.status.values import Drift, Next, Standing
from tests.conftest import FIXTURES
from tests.planned import convert
from tests.statused import Found, deployment, follow, kinds, namespace, of, put, recorded, run, status

SHOP = FIXTURES / "repos" / "shop"
PROD = "apps/recommendation/overlays/prod"
CASES = ("enroll-gateways", "held-callers", "networks-waypoint", "order", "policies-openings", "subsets", "twins-tokens")


def next_steps(found: list[Found]) -> list[tuple[str, str]]:
    return [(each["next"]["mesh"], each["next"]["id"]) for each in found if each["next"]]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The demo before anything is done, and after each step of prod's wave 3."""
    folder = tmp_path_factory.mktemp("stages")
    tree = recorded(SHOP, folder / "now")
    found: dict[str, Path] = {}
    for each in follow(tree):
        name = each["next"]["id"]
        found[name] = folder / name
        shutil.copytree(tree, folder / name)
        if name == "4.1":
            break
    return found


@pytest.fixture
def at(stages: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the demo that waits for a step."""

    def copy(step: str) -> Path:
        return Path(shutil.copytree(stages[step], tmp_path / "tree"))

    return copy


def without(tree: Path, *files: str) -> None:
    """Takes files of the demo's recommendation away, and out of its kustomization."""
    kustomization = tree / PROD / "kustomization.yaml"
    lines = [line for line in kustomization.read_text().splitlines() if not any(each in line for each in files)]
    if not any("path:" in line for line in lines):
        lines = [line for line in lines if line != "patches:"]
    kustomization.write_text("\n".join(lines) + "\n")
    for each in files:
        (tree / PROD / each).unlink()


def test_what_is_next_leads_through_the_demo(tmp_path: Path) -> None:
    found = list(follow(recorded(SHOP, tmp_path / "tree")))
    steps = next_steps(found)
    assert len(set(steps)) == len(steps)
    assert steps[:6] == [("prod", each) for each in ("1.1", "3.1", "3.2", "3.3", "3.4", "4.1")]
    reached = [of(each, "recommendation", "prod")["stage"] for each in found]
    assert reached[:7] == ["none", "none", "waypoints", "bind", "enroll", "retire", "retire"]
    assert [of(each, "sessions", "prod")["stage"] for each in found][4:7] == ["none", "none", "enroll"]
    assert of(found[-1], "recommendation", "prod")["done"]
    assert of(found[-1], "cart", "prod")["why"].startswith("held: ")
    assert found[-1]["why"] == "all steps that the input shows are done; 12 namespaces are held"
    assert {each["state"] for each in found[-1]["steps"]} == {"done", "unseen"}
    assert found[1]["next"]["before"][0].startswith("2.1 Install the CRDs")
    assert found[2]["next"]["before"] == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_next_never_skips_a_step(name: str, tmp_path: Path) -> None:
    found = list(follow(recorded(FIXTURES / "convert" / name / "input", tmp_path / "tree")))
    steps = next_steps(found)
    assert len(set(steps)) == len(steps)


def test_a_step_that_was_skipped_is_next(at: Callable[[str], Path]) -> None:
    tree = at("3.4")
    without(tree, "ambient-service-recommendation.yaml")
    code, found = status(str(tree))
    assert code == 1
    assert kinds(found) == [("skipped", "recommendation", "3.2")]
    assert found["drift"][0]["message"] == (
        "step 3.2 (bind) was skipped or undone, and 3.3 is there: Service recommendation/recommendation is not changed"
    )
    assert (found["next"]["id"], of(found, "recommendation", "prod")["stage"]) == ("3.2", "waypoints")
    command = found["next"]["commands"][0]
    code, said = convert(str(tree), *shlex.split(command, comments=True)[3:])
    assert code == 0, said
    code, found = status(str(tree))
    assert (code, found["next"]["id"]) == (0, "3.4")


def test_the_last_step_can_be_undone(at: Callable[[str], Path]) -> None:
    tree = at("3.4")
    without(tree, "ambient-namespace-recommendation.yaml")
    code, found = status(str(tree))
    assert (code, found["drift"], found["next"]["id"]) == (0, [], "3.3")
    assert of(found, "recommendation", "prod")["stage"] == "bind"


def test_a_step_that_was_undone_in_part_holds_its_namespace(at: Callable[[str], Path]) -> None:
    tree = at("3.3")
    without(tree, "waypoint.yaml")
    code, found = status(str(tree))
    assert code == 1
    assert ("undone", "recommendation", "3.1") in kinds(found)
    assert ("held", "recommendation", "") in kinds(found)
    assert of(found, "recommendation", "prod")["half_done"] == ["step 3.1 (waypoints): 1 of 2 changes are left"]
    assert found["next"]["mesh"] == "staging"
    assert "3.1 waits, since namespace recommendation is held" in status(str(tree), "--mesh", "prod")[1]["why"]


def test_what_nothing_makes_again_is_to_be_restored(at: Callable[[str], Path]) -> None:
    tree = at("4.1")
    without(tree, "recommendation-httproute.yaml")
    code, found = status(str(tree), "--mesh", "prod")
    assert (code, kinds(found)) == (1, [("undone", "recommendation", "3.4")])
    assert found["next"] is None
    assert "restore HTTPRoute recommendation/recommendation" in found["why"]


def test_what_was_changed_since_is_shown_field_by_field(at: Callable[[str], Path]) -> None:
    tree = at("4.1")
    route = tree / PROD / "recommendation-httproute.yaml"
    route.write_text(route.read_text().replace("request: 20s", "request: 90s"))
    code, found = status(str(tree), "--mesh", "prod")
    assert (code, kinds(found)) == (0, [("otherwise", "recommendation", "3.4")])
    assert 'spec.rules[0].timeouts.request is "90s", not "20s"' in found["drift"][0]["message"]
    assert found["next"]["id"] == "4.1"


def test_a_label_with_another_value_is_no_step_undone(at: Callable[[str], Path]) -> None:
    tree = at("3.3")
    for each in ("waypoint.yaml", "ambient-service-recommendation.yaml"):
        file = tree / PROD / each
        file.write_text(
            file.read_text()
            .replace("name: waypoint\n", "name: edge\n", 1)
            .replace("use-waypoint: waypoint", "use-waypoint: edge")
        )
    found = status(str(tree), "--mesh", "prod")[1]
    said = [each["message"] for each in found["drift"] if each["kind"] == "otherwise"]
    assert said == [
        "Service recommendation/recommendation differs from what step 3.2 makes: "
        'metadata.labels.istio.io/use-waypoint is "edge", not "waypoint"'
    ]


def test_a_namespace_that_moved_before_the_plan_was_made(at: Callable[[str], Path]) -> None:
    tree = at("3.4")
    assert run("plan", str(tree), "--record")[0] == 1
    code, found = status(str(tree), "--mesh", "prod")
    said = [each["message"] for each in found["drift"]]
    if said:  # the plan leaves out what is left of it
        command = said[0].partition(": ")[2]
        assert (code, convert(*shlex.split(command)[2:])[0]) == (0, 0)
    assert status(str(tree), "--mesh", "prod")[1]["drift"] == []


def test_one_mesh_is_any_of_the_plan_that_is_named(tmp_path: Path, stages: dict[str, Path]) -> None:
    web = put(tmp_path / "web", namespace("web", **{"istio-injection": "enabled"}), deployment("web", "web"))
    plan = str(stages["3.1"] / ".ambimigrate" / "plan.json")
    code, _, said = run("status", str(web), "--plan", plan)
    assert code == 2
    assert "the recorded plan is of prod, staging; which of them is this?" in " ".join(said.replace("│", " ").split())
    code, found = status(str(web), "--plan", plan, "--mesh", "staging")
    assert (code, {each["kind"] for each in found["drift"]}) == (0, {"gone", "new"})
    assert {each["mesh"] for each in found["namespaces"]} == {"staging"}


def test_text_fits_and_ends_with_the_next_step(at: Callable[[str], Path]) -> None:
    step = Next(
        "Bind the Services to their waypoints: shop", "3.2", "prod", "bind", ("ambimigrate convert . --write",), ("shop",)
    )
    drift = Drift("skipped", "step 3.1 was skipped \x1b[31m or undone " * 5, "prod", "shop", "3.1")
    rows = tuple(
        Standing(mesh, "shop" * 3, "waypoints", False, ("2 of 4 pods " * 9,), (drift,), step) for mesh in ("prod", "test")
    )
    out = StringIO()
    status_text.render(Status(rows, (drift,), (), step), "plan.json", out, 80)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in out.getvalue()
    assert "next safe step: [prod] 3.2 Bind the Services to their waypoints: shop" in lines
    code, text, _ = run("status", str(at("3.2")))
    assert code == 0
    assert "next safe step: [prod] 3.2 Bind the Services to their waypoints: recommendation" in text
    assert max(map(len, text.partition("\n\n")[0].splitlines())) <= 100
