"""The gate: what is new since a base fails by the state of its namespace; problems of the base are no news."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gated import (
    AMBIENT,
    ERROR,
    FAULT,
    PORT_MODE,
    ROUTE,
    Repository,
    began,
    failing,
    namespace,
    plan,
    states,
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return began(tmp_path)


def test_nothing_changed_passes_and_quiet_says_nothing(repository: Repository) -> None:
    code, found = repository.judged("--base", "main")
    assert (code, found["gate"]["verdict"], found["fixed"]) == (0, "passed", [])
    assert set(states(found).values()) <= {"known"}
    run = repository.gate("--base", "main", "--quiet")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_what_convert_settles_stops_nothing_and_what_it_cannot_does(repository: Repository) -> None:
    repository.write({"route.yaml": ROUTE.replace("NAME", "web")})
    code, found = repository.judged("--base", "main")
    assert (code, failing(found)) == (0, set())
    assert "new" in states(found).values()
    repository.write({"route.yaml": FAULT.replace("NAME", "web")})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert {each.partition(" ")[2] for each in failing(found)} == {"web"}
    assert "VS901" in next(each["fails"] for each in found["findings"] if each["fails"])


def test_what_convert_could_not_settle_before_is_no_news(repository: Repository) -> None:
    repository.commit({"route.yaml": FAULT.replace("NAME", "web")})
    repository.write({"route.yaml": FAULT.replace("NAME", "web").replace("spec:", "spec:\n  exportTo: ['*']")})
    assert repository.judged("--base", "main")[0] == 0


def test_a_blocker_fails_anywhere(repository: Repository) -> None:
    repository.write({"mode.yaml": PORT_MODE})
    code, found = repository.judged("--base", "main")
    worst = {each["severity"] for each in found["findings"] if each["fails"]}
    assert (code, worst) == (1, {"blocker"})


def test_moved_lines_renamed_files_and_other_order_change_nothing(repository: Repository) -> None:
    repository.commit({"route.yaml": ROUTE.replace("NAME", "web") + "---\n" + PORT_MODE})
    moved = f"# moved\n\n{PORT_MODE}---\n" + ROUTE.replace("NAME", "web")
    repository.write({"route.yaml": None, "other/name.yaml": moved})
    code, found = repository.judged("--base", "main")
    assert (code, set(states(found).values()), found["fixed"]) == (0, {"known"}, [])


def test_an_edited_element_without_a_name_is_the_same_finding(repository: Repository) -> None:
    repository.commit({"route.yaml": ROUTE.replace("NAME", "web")})
    repository.write({"route.yaml": ROUTE.replace("NAME", "web").replace("3s", "7s")})
    _, found = repository.judged("--base", "main")
    assert set(states(found).values()) == {"known"}
    assert found["fixed"] == []


def test_what_is_gone_is_praised_in_one_line(repository: Repository) -> None:
    repository.commit({"mode.yaml": PORT_MODE})
    repository.write({"mode.yaml": None})
    code, found = repository.judged("--base", "main")
    assert code == 0
    assert "PeerAuthentication" in {each["object"]["kind"] for each in found["fixed"]}
    lines = repository.gate("--base", "main").stdout.splitlines()
    assert len([line for line in lines if line.startswith("Better: ")]) == 1


def test_a_finding_that_gets_worse_fails_by_its_level_and_shows_what_changed(repository: Repository) -> None:
    second = namespace().partition("---\n")[2].replace("name: web", "name: api").replace("app: web", "app: api")
    repository.commit({"policy.yaml": ERROR, "api.yaml": second})
    repository.write({"policy.yaml": ERROR.replace("  selector: {matchLabels: {app: web}}\n", "")})
    code, found = repository.judged("--base", "main", "--fail-on", "warning")
    worse = [each for each in found["findings"] if each["state"] == "worse"]
    assert code == 1
    assert worse
    assert any("selector" in line for each in worse for line in each["changed"])


BROKEN = "kind: Service\n  metadata: [\n"


def test_problems_that_the_base_has_are_one_line(repository: Repository) -> None:
    repository.commit({"broken.yaml": BROKEN})
    run = repository.gate("--base", "main")
    assert run.returncode == 0
    assert len([line for line in run.stdout.splitlines() if "broken.yaml" in line]) == 1
    repository.write({"broken.yaml": None, "moved/broken.yaml": BROKEN})
    assert repository.gate("--base", "main").returncode == 0
    repository.write({"second.yaml": BROKEN})
    code, found = repository.judged("--base", "main")
    assert (code, [each["file"] for each in found["problems"]]) == (2, ["second.yaml"])
    assert [each["file"] for each in found["known_problems"]] == ["moved/broken.yaml"]


def test_a_change_that_mends_its_base_passes(repository: Repository) -> None:
    repository.commit({"broken.yaml": BROKEN})
    repository.write({"broken.yaml": None})
    assert repository.gate("--base", "main").returncode == 0


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\nkind: Service\n=======\nkind: Service\n>>>>>>> x\n", "kind: Service\0\x01"])
def test_conflicts_and_binary_content_are_problems(repository: Repository, text: str) -> None:
    repository.write({"service.yaml": text})
    run = repository.gate("--base", "main")
    assert run.returncode == 2
    assert "service.yaml" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_errors_fail_once_a_namespace_is_planned(repository: Repository) -> None:
    repository.write({"policy.yaml": ERROR})
    code, found = repository.judged("--base", "main")
    assert "error" in {each["severity"] for each in found["findings"] if each["state"] == "new"}
    assert (code, failing(found)) == (0, set())
    repository.write({"policy.yaml": None})
    repository.commit({".ambimigrate/plan.json": plan("shop")})
    repository.write({"policy.yaml": ERROR})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert "recorded plan" in next(each["fails"] for each in found["findings"] if each["fails"])
    assert repository.gate("--base", "main", "--fail-on", "blocker").returncode == 0
    assert repository.gate("--base", "main", "--fail-on", "never").returncode == 0


@pytest.mark.parametrize("declared", [{".ambimigrate.yaml": "migrated: [shop]\n"}, {".ambimigrate/plan.json": plan("shop")}])
def test_a_migrated_namespace_does_not_slide_back(tmp_path: Path, declared: dict[str, str]) -> None:
    repository = Repository(tmp_path)
    repository.commit({"shop.yaml": namespace(label=AMBIENT), **declared})
    assert repository.gate("--base", "main").returncode == 0
    repository.write({"shop.yaml": namespace()})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert any(each["fails"] and "back" in each["fails"] for each in found["findings"])


def test_a_plan_that_cannot_be_read_ends_the_command(repository: Repository) -> None:
    repository.commit({".ambimigrate/plan.json": "{"})
    run = repository.gate("--base", "main")
    assert run.returncode == 2
    assert "plan --record" in run.stderr


def test_a_second_virtual_service_for_a_host_is_settled_by_naming_the_oldest(repository: Repository) -> None:
    repository.commit({"one.yaml": ROUTE.replace("NAME", "one")})
    repository.write({"two.yaml": ROUTE.replace("NAME", "two").replace("3s", "5s")})
    code, found = repository.judged("--base", "main")
    assert (code, failing(found)) == (0, set())
    assert states(found)["VS006 two"] == "new"


def test_what_cannot_be_read_any_more_is_not_praised(repository: Repository) -> None:
    repository.commit({"mode.yaml": PORT_MODE})
    repository.write({"mode.yaml": PORT_MODE.replace("spec:", "spec: [")})
    code, found = repository.judged("--base", "main")
    assert (code, found["fixed"]) == (2, [])
