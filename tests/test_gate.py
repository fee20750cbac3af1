"""The gate: what is new since a base fails by the state of its namespace, and a change cannot excuse itself."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import Struct

from ambimigrate import catalogue
from ambimigrate.decode import Counts
from ambimigrate.gate import baseline, ci
from ambimigrate.gate.known import Base, Known, compared, known, problems
from ambimigrate.model import Finding, Hit, Position, Problem, Ref, Severity, Target
from ambimigrate.render import FORMATS, renderer
from ambimigrate.report import Fixed, Gate, Report
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.conftest import FIXTURES

SCHEMAS = catalogue.folder() / "schemas"
DEMO = FIXTURES / "repos" / "shop"
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: NAME, labels: {LABEL}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: NAME}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: NAME}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NAME}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: web, image: web}]}
"""
SIDECARS, AMBIENT = "istio-injection: enabled", "istio.io/dataplane-mode: ambient"
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: NAME, namespace: shop}
spec:
  hosts: [web]
  http:
  - timeout: 3s
    route: [{destination: {host: web}}]
"""
FAULT = ROUTE.replace("  - timeout: 3s\n", "  - fault: {abort: {httpStatus: 500, percentage: {value: 1}}}\n")
PORT_MODE = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  mtls: {mode: STRICT}
  portLevelMtls: {8080: {mode: DISABLE}}
"""
QUIET = {name: "" for name in os.environ if name.startswith(("GITHUB_", "CI_", "GITLAB_"))}


class Repository(Struct):
    """A git repository whose branch `main` is the base; the work tree is what a pull request makes of it."""

    root: Path

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        run = subprocess.run(["git", "-C", str(self.root), *who, *arguments], capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def write(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            place = self.root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                place.unlink()
            else:
                place.write_text(text)

    def commit(self, files: Mapping[str, str | None], branch: str = "main") -> None:
        if not (self.root / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        if self.git("branch", "--show-current") != branch:
            self.git("checkout", "--quiet", "-b", branch)
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")

    def gate(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ambimigrate", "gate", ".", *arguments]
        mine = {"PYTHONPATH": str(FIXTURES.parent), "AMBIMIGRATE_CACHE_DIR": "off"}
        environment = {**os.environ, **QUIET, **mine, **(env or {})}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.root, env=environment)

    def judged(self, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        run = self.gate(*arguments, "--format", "json", env=env)
        assert run.stdout, run.stderr
        found = json.loads(run.stdout)
        schema = json.loads((SCHEMAS / "report.json").read_text())
        assert [each.message for each in jsonschema.Draft202012Validator(schema).iter_errors(found)] == []
        return run.returncode, found


def namespace(name: str = "shop", label: str = SIDECARS) -> str:
    return NAMESPACE.replace("NAME", name).replace("LABEL", label)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit({"shop.yaml": namespace()})
    return made


def states(found: dict[str, Any]) -> dict[str, str]:
    return {f"{each['id']} {each['object']['name']}": each["state"] for each in found["findings"]}


def failing(found: dict[str, Any]) -> set[str]:
    return {f"{each['id']} {each['object']['name']}" for each in found["findings"] if each["fails"]}


# --- new against old ------------------------------------------------------------------------------------------------


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


REF = Ref("VirtualService", "networking.istio.io", "shop", "web")


def finding(case: str, severity: str, *meshes: str, number: int = 0, fails_open: bool = False) -> Finding:
    route = ("spec", "http", number, "timeout")
    hit = Hit(Position("a.yaml", 1, 1, route), "message", case)
    name = f"{case}{severity}{meshes}{number}".encode().hex().ljust(64, "0")[:64]
    return Finding("VS001", Severity[severity], fails_open, REF, hit, "fix", meshes or ("",), name)


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        ((finding("a", "warning"),), (finding("a", "warning"),), ["known"]),
        ((finding("a", "warning"),), (finding("a", "warning", number=1),), ["known"]),
        ((finding("a", "warning"),), (finding("b", "info"),), ["known"]),
        ((finding("a", "warning"),), (finding("b", "error"),), ["worse"]),
        ((finding("a", "warning"),), (finding("a", "warning"), finding("a", "warning", number=1)), ["known", "new"]),
        (
            (finding("a", "warning", "x", "y"),),
            (finding("a", "warning", "x"), finding("b", "warning", "y")),
            ["known", "known"],
        ),
        ((finding("a", "warning", "x"), finding("b", "warning", "y")), (finding("a", "warning", "x", "y"),), ["known"]),
        ((finding("a", "warning", "x"),), (finding("a", "warning", "x", "y"),), ["worse"]),
        ((finding("a", "error"),), (finding("a", "error", fails_open=True, number=1),), ["new"]),
        ((finding("a", "error", fails_open=True),), (finding("a", "error", fails_open=True, number=1),), ["new"]),
        ((), (finding("a", "info"),), ["new"]),
    ],
)
def test_new_worse_and_known(before: tuple[Finding, ...], now: tuple[Finding, ...], wanted: list[str]) -> None:
    found = compared(now, Base("base", tuple(known(each) for each in before)))
    assert [found.states[each.fingerprint] for each in now] == wanted


def test_what_lives_on_in_another_finding_is_not_fixed() -> None:
    two = (finding("a", "warning", "x"), finding("b", "warning", "y"))
    found = compared((finding("a", "warning", "x", "y"),), Base("base", tuple(known(each) for each in two)))
    assert found.fixed == ()
    assert len(compared((), Base("base", tuple(known(each) for each in two))).fixed) == 2


def test_a_baseline_is_read_as_it_was_written() -> None:
    before = Known("f" * 64, "VS001", "default", Severity.warning, REF, "spec", True, 2, 3, True, ("VS901",))
    found = baseline.loaded("x", baseline.dumped(Base("x", (before,), (Problem("broken", "a.yaml", 3),))))
    assert (found.findings, found.problems) == ((before,), (Problem("broken", "a.yaml", 3),))


def test_a_finding_that_gets_worse_fails_by_its_level_and_shows_what_changed(repository: Repository) -> None:
    second = namespace().partition("---\n")[2].replace("name: web", "name: api").replace("app: web", "app: api")
    repository.commit({"policy.yaml": ERROR, "api.yaml": second})
    repository.write({"policy.yaml": ERROR.replace("  selector: {matchLabels: {app: web}}\n", "")})
    code, found = repository.judged("--base", "main", "--fail-on", "warning")
    worse = [each for each in found["findings"] if each["state"] == "worse"]
    assert code == 1
    assert worse
    assert any("selector" in line for each in worse for line in each["changed"])


# --- problems -------------------------------------------------------------------------------------------------------

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


def test_problems_are_matched_one_for_one() -> None:
    same = Problem("broken", "a.yaml", 1)
    new, old = problems((same, Problem("broken", "b.yaml", 7)), (same,))
    assert (new, old) == ((Problem("broken", "b.yaml", 7),), (same,))


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\nkind: Service\n=======\nkind: Service\n>>>>>>> x\n", "kind: Service\0\x01"])
def test_conflicts_and_binary_content_are_problems(repository: Repository, text: str) -> None:
    repository.write({"service.yaml": text})
    run = repository.gate("--base", "main")
    assert run.returncode == 2
    assert "service.yaml" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


# --- the base -------------------------------------------------------------------------------------------------------


def test_without_a_base_both_ways_are_named(repository: Repository) -> None:
    run = repository.gate()
    assert run.returncode == 2
    assert "--base" in run.stderr
    assert "--update-baseline" in run.stderr


@pytest.mark.parametrize("server", ["github", "gitlab"])
def test_the_server_names_the_target_and_the_merge_base_counts(repository: Repository, server: str) -> None:
    start = repository.git("rev-parse", "main")
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    repository.commit({"mode.yaml": PORT_MODE}, branch="feature")
    env = {"GITHUB_BASE_REF": "main"} if server == "github" else {"CI_MERGE_REQUEST_DIFF_BASE_SHA": start}
    code, found = repository.judged(env=env)
    assert code == 1
    assert start[:7] in found["gate"]["base"]


def test_a_clone_without_the_base_says_what_to_do(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"mode.yaml": PORT_MODE}, branch="feature")
    clone = Repository(tmp_path / "clone")
    repository.git("clone", "--quiet", "--depth", "1", "--branch", "feature", f"file://{repository.root}", str(clone.root))
    for env in ({"GITHUB_BASE_REF": "main"}, {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "1" * 40}):
        run = clone.gate(env=env)
        assert (run.returncode, run.stdout) == (2, "")
        assert "fetch-depth: 0" in run.stderr
    assert clone.gate("--base", "main").returncode == 2
    assert clone.gate("--base", "-x").returncode == 2


def test_targets_of_servers() -> None:
    assert ci.target({}) is None
    merged = ci.target({"GITHUB_BASE_REF": "main", "GITHUB_REF": "refs/pull/7/merge"})
    assert merged
    assert merged.references == ("origin/main", "HEAD^1")
    found = ci.target({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"})
    assert found
    assert (found.references, found.is_merge_base) == (("origin/main",), False)


# --- the baseline ---------------------------------------------------------------------------------------------------


def test_a_baseline_is_sorted_one_finding_a_line_and_forgets_what_was_fixed(repository: Repository) -> None:
    repository.write({"mode.yaml": PORT_MODE, "route.yaml": FAULT.replace("NAME", "web")})
    assert repository.gate("--update-baseline").returncode == 0
    file = repository.root / ".ambimigrate" / "baseline.json"
    text = file.read_text()
    tree = json.loads(text)
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / "baseline.json").read_text())).validate(tree)
    rows = [json.loads(line.strip().rstrip(",")) for line in text.splitlines() if line.startswith('    {"fingerprint"')]
    assert rows == tree["findings"]
    assert [each["id"] for each in rows] == sorted(each["id"] for each in rows)
    assert repository.gate().returncode == 0
    repository.write({"mode.yaml": None})
    assert repository.gate("--update-baseline").returncode == 0
    left = json.loads(file.read_text())["findings"]
    assert len(left) < len(rows)
    assert all(each in rows for each in left)
    assert repository.gate("--update-baseline").returncode == 0
    assert json.loads(file.read_text())["findings"] == left


def test_nothing_becomes_known_in_migrated_namespaces(repository: Repository) -> None:
    repository.write({".ambimigrate.yaml": "migrated: [shop]\n", "mode.yaml": PORT_MODE})
    run = repository.gate("--update-baseline")
    assert run.returncode == 1
    assert "migrated" in run.stdout
    assert json.loads((repository.root / ".ambimigrate" / "baseline.json").read_text())["findings"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "not of type"),
        ('{"schema": "ambimigrate.baseline/v1", "findings": [{"id": "VS001"}]}', "findings.0"),
        ('<<<<<<< HEAD\n{"schema": 1}\n=======\n', "merge conflict"),
        ("\x00\x01", "no JSON"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_baseline_that_cannot_be_read_ends_the_command(repository: Repository, text: str, said: str) -> None:
    repository.write({"base.json": text})
    run = repository.gate("--baseline", "base.json")
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_missing_baseline_and_two_bases_are_usage_errors(repository: Repository) -> None:
    assert repository.gate("--baseline", "none.json").returncode == 2
    assert repository.gate("--baseline", "none.json", "--base", "main").returncode == 2


# --- the state of a namespace ---------------------------------------------------------------------------------------

ERROR = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: DENY
  rules: [{to: [{operation: {methods: [DELETE]}}]}]
"""


def plan(*names: str) -> str:
    return json.dumps({"schema": "ambimigrate.plan/v1", "waves": [{"number": 1, "mesh": "", "namespaces": list(names)}]})


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


# --- changes that nobody has reviewed -------------------------------------------------------------------------------


def test_a_change_cannot_excuse_itself(repository: Repository) -> None:
    repository.write({"mode.yaml": PORT_MODE, ".ambimigrate.yaml": "exclude: [mode.yaml]\nfailOn: never\n"})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert any(".ambimigrate.yaml" in each and "merged" in each for each in found["gate"]["remarks"])


@pytest.mark.parametrize("change", [{".ambimigrate.yaml": None}, {"deploy/.ambimigrate.yaml": "namespace: shop\n"}])
@pytest.mark.parametrize("kept", [".ambimigrate.yaml", ".ambimigrate/plan.json"])
def test_what_is_migrated_cannot_be_hidden(tmp_path: Path, change: dict[str, str | None], kept: str) -> None:
    repository = Repository(tmp_path)
    text = "migrated: [shop]\n" if kept.endswith("yaml") else plan("shop")
    repository.commit({"deploy/shop.yaml": namespace(label=AMBIENT), ".ambimigrate.yaml": "{}\n", kept: text})
    repository.write({"deploy/shop.yaml": namespace(), **change})
    command = [sys.executable, "-m", "ambimigrate", "gate", "deploy", "--base", "main"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **QUIET})
    assert run.returncode == 1, run.stdout + run.stderr
    assert "takes a migrated namespace back" in run.stdout
    assert "counts once it is merged" in run.stdout


def test_suppressions_of_a_change_count_only_once_they_are_merged(repository: Repository) -> None:
    comment = "# ambimigrate: ignore[PA001] because we replace it until 2999-01-31\n"
    hushed = PORT_MODE.replace("kind: PeerAuthentication\n", f"kind: PeerAuthentication {comment}")
    repository.write({"mode.yaml": hushed})
    code, found = repository.judged("--base", "main")
    assert code == 1
    assert any("suppressions" in each for each in found["gate"]["remarks"])


def test_the_baseline_of_a_pull_request_is_that_of_its_base(repository: Repository) -> None:
    assert repository.gate("--update-baseline").returncode == 0
    repository.commit({})
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    repository.write({"mode.yaml": PORT_MODE})
    assert repository.gate("--update-baseline").returncode == 0
    repository.commit({}, branch="feature")
    code, found = repository.judged("--baseline", ".ambimigrate/baseline.json", env={"GITHUB_BASE_REF": "main"})
    assert code == 1
    assert any("baseline.json" in each for each in found["gate"]["remarks"])


def test_a_faulty_configuration_of_the_base_is_named_with_its_line(repository: Repository) -> None:
    repository.commit({".ambimigrate.yaml": "target: {istio: x}\nmigratd: [shop]\n"})
    run = repository.gate("--base", "main")
    assert run.returncode == 2
    assert ".ambimigrate.yaml:2" in run.stderr


# --- formats --------------------------------------------------------------------------------------------------------


def test_every_format_tells_the_same_verdict(repository: Repository) -> None:
    repository.commit({"route.yaml": ROUTE.replace("NAME", "web")})
    repository.write({"mode.yaml": PORT_MODE})
    names = ("text", "json", "sarif", "junit", "github", "codequality", "markdown")
    given = [part for name in names for part in ("--output", f"{name}=out.{name}")]
    assert repository.gate("--base", "main", *given).returncode == 1
    text = {name: (repository.root / f"out.{name}").read_text() for name in names}
    found = json.loads(text["json"])
    stops = found["gate"]["failing"]
    results = json.loads(text["sarif"])["runs"][0]["results"]
    schema = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())
    jsonschema.Draft4Validator(schema).validate(json.loads(text["sarif"]))
    assert {each["baselineState"] for each in results} == {"new", "unchanged"}
    assert text["junit"].count("<failure") == len(stops)
    assert len([line for line in text["github"].splitlines() if line.startswith("::error ")]) == len(stops)
    assert len(json.loads(text["codequality"])) == len(found["findings"])
    assert text["markdown"].count("Stops this change: ") == len(stops)
    assert text["text"].splitlines()[-1].startswith("failed: ")
    for name in names:
        assert repository.gate("--base", "main", "--format", name).returncode == 1


HOSTILE = [
    "\x1b[31mred",
    "::error file=x::injected",
    "a\n::error::b",
    "##[error]c",
    "</failure><injected/>",
    "| a |",
    "<script>x</script>",
    "@all #1",
]


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_names_never_leave_their_field(name: str) -> None:
    ref = Ref("EnvoyFilter", "networking.istio.io", "shop", "\n".join(HOSTILE))
    place, print_ = Position("a\n::error::b.yaml", 1, 1, ("spec",)), "f" * 64
    hit = Hit(place, ref.name, next(iter(catalogue.entry("EF001").cases)))
    hostile = Finding("EF001", Severity.error, False, ref, hit, "fix", ("",), print_)
    gone, old = (Fixed("e" * 64, "EF001", ref),), (Problem(ref.name, place.file, 1),)
    gate = Gate(ref.name, {print_: "new"}, {print_: ref.name}, gone, old, {print_: (ref.name,)}, (ref.name,))
    target = Target(NEWEST, NEWEST_GATEWAY_API)
    made = Report(target, (), "files", Counts(), (Problem(ref.name, place.file, 2),), (hostile,), (), (), gate=gate)
    out = io.StringIO()
    renderer(name)(made, out)
    text = out.getvalue()
    assert "\x1b" not in text
    assert "##[" not in text
    if name == "github":
        assert len(text.splitlines()) == 2
    elif name not in {"json", "sarif", "codequality"}:
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    if name in {"junit", "html", "markdown"}:
        assert not re.search(r"(?<!\\)<(script|injected)", re.sub(r"(`+).*?\1(?!`)", "", text)) or name == "html"


def test_on_github_annotations_log_and_summary_come_by_themselves(repository: Repository) -> None:
    repository.write({"mode.yaml": PORT_MODE.replace("name: web", "name: '::error::x'", 1)})
    summary = repository.root / "summary"
    run = repository.gate("--base", "main", env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    stop = next(line for line in lines if line.startswith("::stop-commands::"))
    assert lines[-1] == f"::{stop.rpartition('::')[2]}::"
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines[: lines.index(stop)])
    assert summary.read_text().startswith("<!-- ambimigrate -->")


def test_on_gitlab_code_quality_is_written_where_the_job_takes_it_from(repository: Repository) -> None:
    env = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(repository.root)}
    assert repository.gate("--base", "main", env=env).returncode == 0
    assert isinstance(json.loads((repository.root / "gl-code-quality-report.json").read_text()), list)


# --- the beginning --------------------------------------------------------------------------------------------------


def large(root: Path) -> Repository:
    """A repository with 500 findings and more."""
    made = Repository(root)
    files = {"shop.yaml": namespace()}
    for number in range(170):
        files[f"apps/{number}.yaml"] = "---\n".join(
            text.replace("name: web", f"name: web-{number}")
            for text in (FAULT.replace("NAME", f"web-{number}"), PORT_MODE, ERROR)
        )
    made.commit(files)
    return made


def test_a_repository_with_500_findings_begins_in_one_command(tmp_path: Path) -> None:
    repository = large(tmp_path)
    run = repository.gate("--init")
    assert run.returncode == 0, run.stdout + run.stderr
    recorded = json.loads((tmp_path / ".ambimigrate" / "baseline.json").read_text())
    assert len(recorded["findings"]) >= 500
    workflow = (tmp_path / ".github" / "workflows" / "ambimigrate.yml").read_text()
    assert "pull_request" in workflow
    assert "contents: read" in workflow
    first = (tmp_path / ".ambimigrate.yaml").read_text().splitlines()[0]
    schema = first.rpartition("$schema=")[2]
    jsonschema.Draft202012Validator.check_schema(json.loads((tmp_path / schema).read_text()))
    assert repository.gate().returncode == 0
    repository.commit({})
    assert repository.gate("--base", "main").returncode == 0
    repository.write({"one-more.yaml": PORT_MODE})
    assert repository.gate().returncode == 1


def test_init_takes_gitlab_where_it_is_used_and_overwrites_nothing(repository: Repository) -> None:
    repository.write({".gitlab-ci.yml": "stages: [test]\n", ".ambimigrate.yaml": "namespace: shop\n"})
    run = repository.gate("--init")
    assert run.returncode == 0, run.stderr
    assert (repository.root / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert (repository.root / ".ambimigrate.yaml").read_text() == "namespace: shop\n"
    assert "include:" in run.stdout
    assert (repository.root / ".gitlab" / "ambimigrate.yml").is_file()
    assert not (repository.root / ".github").exists()
    before = {path: path.read_bytes() for path in repository.root.rglob("*") if path.is_file() and ".git/" not in str(path)}
    assert repository.gate("--init").returncode == 0
    assert {path: path.read_bytes() for path in before} == before
