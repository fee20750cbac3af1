"""Suppressions: what comments, annotations and the configuration cover, what is wrong with them, what they never change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ambimigrate import catalogue, report
from ambimigrate.decode import Reading
from ambimigrate.model import Finding, Severity, Target
from ambimigrate.sources.config import Config, load_text
from ambimigrate.sources.read import read_files
from ambimigrate.suppressions import Manner, gathered, heed, trusted
from ambimigrate.suppressions.globs import is_namespace, matches
from ambimigrate.suppressions.wording import of_annotation, of_comment
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
TODAY = "2026-11-21"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n"
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
  namespace: shop
spec:
  hosts:
  - one.example
  - two.example
  http:
  - route:
    - destination: {host: a}
"""  # VS007 twice: on each line of a host
WHY = "because the old shop goes"


def tree(root: Path, text: str, name: str = "all.yaml") -> Reading:
    root.mkdir(exist_ok=True)
    (root / "namespace.yaml").write_text(NAMESPACE)
    (root / name).write_bytes(text.encode())
    return read_files([str(root)], TARGET)


def heard(reading: Reading, config: Config | None = None, today: str = TODAY) -> report.Report:
    manner = Manner(today, config.levels, config.relative) if config else Manner(today)
    return heed(report.report(reading), gathered(reading, config.suppressions if config else ()), manner)


def quiet(made: report.Report) -> list[tuple[str, int | None]]:
    return [(each.rule, each.hit.position.line) for each in made.findings if each.suppressed]


def faults(made: report.Report) -> list[tuple[str, str, int | None]]:
    about = (each for each in made.findings if each.rule in {"CT020", "CT021", "CT022"})
    return [(each.rule, each.hit.case, each.hit.position.line) for each in about]


def marked(*, line: int, text: str = f"  # ambimigrate: ignore[VS007] {WHY}") -> str:
    lines = ROUTE.split("\n")
    lines[line - 1] += text
    return "\n".join(lines)


def above(line: int, text: str = f"# ambimigrate: ignore[VS007] {WHY}") -> str:
    lines = ROUTE.split("\n")
    return "\n".join((*lines[: line - 1], text, *lines[line - 1 :]))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (ROUTE, []),
        (marked(line=8), [8]),
        (marked(line=9), [9]),
        (marked(line=7), [8, 9]),  # the list with all that it holds
        (marked(line=6), [8, 9]),
        (marked(line=10), []),
        (marked(line=1), [8, 9]),  # the object begins there
        (above(8), [9]),
        (above(9), [10]),
        (above(7), [9, 10]),
        (above(1), [9, 10]),
        (above(8, f"\n  # a word\n\n# ambimigrate: ignore[VS007] {WHY}\n  # more\n"), [14]),
        (f"# ambimigrate: ignore[VS007] {WHY}\n---\n{ROUTE}", [10, 11]),
        (f"--- # ambimigrate: ignore[VS007] {WHY}\n{ROUTE}", [9, 10]),
        (f"{NAMESPACE.replace('shop', 'x')}# ambimigrate: ignore[VS007] {WHY}\n---\n{ROUTE}", []),
        (f"{ROUTE}---\n# ambimigrate: ignore[VS007] {WHY}\n{ROUTE.replace('name: a', 'name: b')}", [22, 23]),
        (above(1, f"# ambimigrate:   ignore [ vs007 , VS001 ] {WHY}"), [9, 10]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_comment_covers_what_begins_on_its_line_or_below_it(
    tmp_path: Path, text: str, lines: list[int], newline: str
) -> None:
    made = heard(tree(tmp_path, text.replace("\n", newline)))
    assert [line for rule, line in quiet(made) if rule == "VS007"] == lines
    assert {each.suppressed.by for each in made.findings if each.suppressed} <= {"comment"}


def test_items_of_a_list_are_objects(tmp_path: Path) -> None:
    items = "".join(
        f"- {comment}apiVersion: networking.istio.io/v1\n"
        + "".join(f"  {line}\n" for line in ROUTE.replace("name: a", f"name: {name}").splitlines()[1:])
        for name, comment in (("a", ""), ("b", ""))
    )
    first, second = items.split("- apiVersion")[1:]
    text = f"kind: List\napiVersion: v1\nitems:\n- apiVersion{first}# ambimigrate: ignore[VS007] {WHY}\n- apiVersion{second}"
    made = heard(tree(tmp_path, text))
    assert {each.ref.name for each in made.findings if each.suppressed} == {"b"}
    head = heard(tree(tmp_path, f"# ambimigrate: ignore[VS007] {WHY}\nkind: List\napiVersion: v1\nitems:\n{items}"))
    assert {each.ref.name for each in head.findings if each.suppressed} == {"a", "b"}


def test_text_inside_a_value_is_no_comment(tmp_path: Path) -> None:
    block = f"x: |\n  # ambimigrate: ignore[VS007] {WHY}\ny: ' # ambimigrate: ignore[VS007] {WHY}'\n"
    made = heard(tree(tmp_path, ROUTE + block))
    assert not quiet(made)
    assert not faults(made)


def test_only_the_named_rules_are_suppressed_and_the_reason_is_kept(tmp_path: Path) -> None:
    made = heard(tree(tmp_path, marked(line=8, text=f" # ambimigrate: ignore[VS007] {WHY}, they say until 2027-01-31")))
    found = next(each for each in made.findings if each.suppressed)
    assert found.suppressed is not None
    assert (found.suppressed.reason, found.suppressed.expires) == ("the old shop goes, they say", "2027-01-31")
    assert made.summary["suppressed"] == 1
    assert report.exit_code(replace(made, findings=(found,)), lambda _each: Severity.info) == 0


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("ignore[VS007]", ("CT020", "reason", 8)),
        ("ignore[VS007] because  ", ("CT020", "reason", 8)),
        ("ignore[VS999] because x", ("CT020", "id", 8)),
        ("ignore[VS901] because x", ("CT020", "id", 8)),
        ("ignore[../VS007] because x", ("CT020", "id", 8)),
        ("ignore because x", ("CT020", "form", 8)),
        ("ingore[VS007] because x", ("CT020", "form", 8)),
        ("ignore[] because x", ("CT020", "form", 8)),
        ("ignore[VS007] because x until 2027-1-31", ("CT020", "form", 8)),
        ("ignore[VS007] because x until 2027-02-30", ("CT020", "form", 8)),
        ("ignore[VS007] it is fine", ("CT020", "form", 8)),
        ("ignore[VS007] because x until 2026-11-20", ("CT021", "default", 8)),
        ("ignore[VS001] because x", ("CT022", "default", 8)),
    ],
)
def test_what_is_wrong_with_a_suppression_is_a_finding_at_its_place(
    tmp_path: Path, comment: str, expected: tuple[str, str, int]
) -> None:
    made = heard(tree(tmp_path, marked(line=8, text=f" # ambimigrate: {comment}")))
    assert faults(made) == [expected]
    assert not quiet(made)
    found = next(each for each in made.findings if each.rule == expected[0])
    assert found.hit.position.file.endswith("all.yaml")
    assert found.ref.name == "a"
    assert found.severity is Severity.warning


def test_every_case_of_the_catalogue_is_proven_here() -> None:
    own = {(name, case) for name, entry in catalogue.entries().items() if entry.by == "report" for case in entry.cases}
    assert own == {("CT020", "form"), ("CT020", "id"), ("CT020", "reason"), ("CT021", "default"), ("CT022", "default")}


def test_the_last_day_counts(tmp_path: Path) -> None:
    reading = tree(tmp_path, marked(line=8, text=" # ambimigrate: ignore[VS007] because x until 2026-11-21"))
    assert quiet(heard(reading))
    assert not quiet(heard(reading, today="2026-11-22"))
    assert quiet(heard(tree(tmp_path, marked(line=8, text=" # ambimigrate: ignore[VS007] because of it until further notice"))))


def test_one_that_is_not_seen_whole_is_not_called_idle(tmp_path: Path) -> None:
    reading = tree(tmp_path, marked(line=8, text=" # ambimigrate: ignore[VS001] because x"))
    silences = gathered(reading)
    assert not faults(heed(report.report(reading), silences, Manner(TODAY, is_whole=False)))
    (tmp_path / "broken.yaml").write_text("kind: VirtualService\na: [\n")
    assert not faults(heard(read_files([str(tmp_path)], TARGET)))


def test_an_annotation_covers_its_object(tmp_path: Path) -> None:
    said = f"  annotations: {{ambimigrate.io/ignore: '[VS007] {WHY} until 2027-01-31; VS001, VS999 because x'}}\n"
    made = heard(tree(tmp_path, ROUTE.replace("  name: a\n", f"  name: a\n{said}")))
    assert quiet(made) == [("VS007", 9), ("VS007", 10)]
    assert sorted(faults(made)) == [("CT020", "id", 5), ("CT022", "default", 5)]
    assert not quiet(
        heard(tree(tmp_path, ROUTE.replace("  name: a\n", "  name: a\n  annotations: {ambimigrate.io/ignore: ''}\n")))
    )


def test_a_comment_in_a_template_says_where_to_write_instead(tmp_path: Path) -> None:
    tree(tmp_path, ROUTE)
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 1.0.0\n")
    text = f"{{{{- if .Values.x }}}}\n# ambimigrate: ignore[VS007] {WHY}\n{ROUTE}{{{{- end }}}}\n"
    (tmp_path / "chart" / "templates" / "a.yaml").write_text(text)
    made = heard(read_files([str(tmp_path)], TARGET))
    assert faults(made) == [("CT020", "form", 2)]
    assert "annotation" in next(each.hit.message for each in made.findings if each.rule == "CT020")


def configured(root: Path, text: str) -> Config:
    return load_text(".ambimigrate.yaml", text, root)


@pytest.mark.parametrize(
    ("scope", "lines"),
    [
        ("namespace: shop", [8, 9]),
        ("namespace: 'sh*', name: a, kind: VirtualService, path: all.yaml", [8, 9]),
        ("path: '*.yaml'", [8, 9]),
        ("path: other", []),
        ("kind: Gateway", []),
        ("name: b", []),
        ("namespace: prod/shop", []),
    ],
)
def test_the_configuration_covers_what_agrees_in_every_field(tmp_path: Path, scope: str, lines: list[int]) -> None:
    config = configured(tmp_path, f"suppressions: [{{id: [VS007], {scope}, because: x}}]")
    made = heard(tree(tmp_path, ROUTE), config)
    assert [line for _, line in quiet(made)] == lines
    assert bool(faults(made)) == (not lines)
    assert all(each.hit.position.file == ".ambimigrate.yaml" for each in made.findings if each.rule == "CT022")


def test_rules_are_off_or_have_another_severity_by_path_and_namespace(tmp_path: Path) -> None:
    reading = tree(tmp_path, marked(line=8))

    def severities(config: Config | None) -> list[str]:
        return [each.severity.name for each in heard(reading, config).findings if each.rule == "VS007"]

    plain = severities(None)
    assert severities(configured(tmp_path, "rules: {VS007: off}")) == []
    assert severities(configured(tmp_path, "rules: {VS007: blocker}")) == ["blocker", "blocker"]
    assert severities(configured(tmp_path, "rules: {VS007: off}\noverrides: [{paths: [all.yaml], rules: {VS007: info}}]")) == [
        "info",
        "info",
    ]
    assert severities(configured(tmp_path, "overrides: [{paths: [other], rules: {VS007: off}}]")) == plain
    assert severities(configured(tmp_path, "overrides: [{namespaces: [shop], rules: {VS007: off}}]")) == []
    assert severities(configured(tmp_path, "overrides: [{namespaces: [shop], paths: [other], rules: {VS007: off}}]")) == plain
    off = heard(reading, configured(tmp_path, "rules: {VS007: off}"))
    assert any("2 of VS007" in note for note in off.notes)
    assert not faults(off)


def test_thresholds_by_path_and_namespace(tmp_path: Path) -> None:
    config = configured(
        tmp_path, "failOn: info\noverrides:\n- {namespaces: [shop], failOn: never}\n- {paths: [x], failOn: error}"
    )
    finding = next(each for each in report.report(tree(tmp_path, ROUTE)).findings if each.rule == "VS007")
    assert config.levels.threshold(finding, config.relative) == "never"
    elsewhere = replace(finding, ref=finding.ref._replace(namespace="b"))
    assert config.levels.threshold(elsewhere, config.relative) == "info"


MACHINES = """\
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: vm, namespace: shop}
spec: {template: {serviceAccount: vm}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: shop}
spec:
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: a, ports: [{containerPort: 8080}]}]}}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {selector: {app: a}, ports: [{name: http, port: 8080}]}
"""


def ambimigrate(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "ambimigrate", *arguments, "--format", "json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found | {"code": run.returncode}


def test_nothing_of_this_changes_a_verdict_or_lifts_a_hold(tmp_path: Path) -> None:
    plain = str(tmp_path / "plain")
    tree(tmp_path / "plain", MACHINES)
    before = {name: ambimigrate(name, plain) for name in ("scan", "convert", "plan")}
    ids = sorted({each["id"] for each in before["scan"]["findings"]})
    assert "WE001" in ids
    assert before["convert"]["held"]
    tree(tmp_path / "said", f"# ambimigrate: ignore[{', '.join(ids)}] because x\n{MACHINES}")
    off = "".join(f"  {id}: off\n" for id in ids if id != "WE001")
    entry = "suppressions: [{id: WE001, because: x}]"
    (tmp_path / "said" / ".ambimigrate.yaml").write_text(f"{entry}\nrules:\n{off}  WE001: info\nfailOn: info\n")
    after = {name: ambimigrate(name, str(tmp_path / "said")) for name in ("scan", "convert", "plan")}
    assert [each for each in after["scan"]["findings"] if not each["suppressed"]] == []
    assert (before["scan"]["code"], after["scan"]["code"]) == (1, 0)
    assert after["scan"]["namespaces"] == before["scan"]["namespaces"]
    for name in ("convert", "plan"):
        reasons = [[each["because"] for each in made[name]["held"]] for made in (before, after)]
        assert reasons[0] == reasons[1] != []
        assert before[name]["code"] == after[name]["code"] == 1


def test_trusted_are_those_of_the_base_wherever_they_stand(tmp_path: Path) -> None:
    base = gathered(tree(tmp_path / "base", marked(line=8)))
    moved = gathered(tree(tmp_path / "moved", f"# first\n{marked(line=8)}", "renamed.yaml"))
    assert [len(each) for each in trusted(moved, base)] == [1, 0]
    wider = gathered(tree(tmp_path / "wider", above(1)))
    assert [len(each) for each in trusted(wider, base)] == [0, 1]
    later = gathered(tree(tmp_path / "later", marked(line=8, text=f" # ambimigrate: ignore[VS007] {WHY} until 2099-01-01")))
    assert [len(each) for each in trusted(later, base)] == [0, 1]
    tree(tmp_path / "moved", marked(line=8))
    twice = gathered(read_files([str(tmp_path / "moved")], TARGET))
    assert [len(each) for each in trusted(twice, base)] == [1, 1]


def test_fingerprints_of_faults_survive_moved_lines(tmp_path: Path) -> None:
    def prints(text: str) -> list[str]:
        found: list[Finding] = [each for each in heard(tree(tmp_path, text)).findings if each.rule.startswith("CT02")]
        return [each.fingerprint for each in found]

    text = marked(line=8, text=" # ambimigrate: ignore[VS001] because x")
    assert prints(text) == prints(f"# moved\n{text}")
    twice = prints(text.replace("  - two.example", "  - two.example # ambimigrate: ignore[VS001] because x"))
    assert len(set(twice)) == 2


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("apps/shop/a.yaml", "shop", True),
        ("apps/shop/a.yaml", "apps/shop", True),
        ("apps/shop/a.yaml", "apps/shop/**", True),
        ("x/apps/shop/a.yaml", "apps/shop", False),
        ("apps/x/dev/a.yaml", "apps/**/dev", True),
        ("apps/dev/a.yaml", "apps/**/dev/", True),
        ("apps/device/a.yaml", "apps/dev", False),
        ("apps/a/b.yaml", "apps/*.yaml", False),
        ("apps/b.yaml", "*.yaml", True),
        ("apps/b.yaml", "./apps", True),
        ("apps/b.yaml", ".", True),
        ("a1.yaml", "a[0-9].yaml", True),
        ("ax.yaml", "a[!0-9].yaml", True),
        ("a[z-a].yaml", "a[z-a].yaml", True),
    ],
)
def test_patterns_of_paths(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


def test_patterns_of_namespaces() -> None:
    assert is_namespace("shop", "prod", "shop")
    assert is_namespace("prod/sh*", "prod", "shop")
    assert not is_namespace("stage/shop", "prod", "shop")


def test_words() -> None:
    assert of_comment("ignore[VS001] until 2027-01-31 because x").until == "2027-01-31"
    assert [each.ids for each in of_annotation("VS001 because a; [VS002, VS003] because b\n")] == [
        ("VS001",),
        ("VS002", "VS003"),
    ]
