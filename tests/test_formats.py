"""Every format of the report: valid by its schema, the same findings in each, and hostile text that never leaves its field."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from ambimigrate.model import Target
from ambimigrate.render import FORMATS, renderer
from ambimigrate.render.markdown import MARKER, code, escaped
from ambimigrate.report import Report, report
from ambimigrate.sources.read import read_files
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API

TESTS = Path(__file__).parent
DEMO = TESTS.parent / "fixtures" / "repos" / "shop"
TARGET = Target(NEWEST, NEWEST_GATEWAY_API, "standard", None, None)


@pytest.fixture(scope="module")
def demo() -> Report:
    return report(read_files([str(DEMO)], TARGET))


def written(made: Report, name: str) -> str:
    out = io.StringIO()
    renderer(name)(made, out)
    return out.getvalue()


def test_sarif_is_valid_and_names_every_finding(demo: Report) -> None:
    found = json.loads(written(demo, "sarif"))
    schema = json.loads((TESTS / "schemas" / "sarif-2.1.0.json").read_text())
    jsonschema.Draft4Validator(schema).validate(found)
    run = found["runs"][0]
    assert [each["partialFingerprints"]["ambimigrate/v1"] for each in run["results"]] == [
        each.fingerprint for each in demo.findings
    ]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].startswith("fixtures/repos/shop/")
        assert place["region"]["startLine"] >= 1


def test_junit_counts_what_it_holds(demo: Report) -> None:
    suites = ElementTree.fromstring(written(demo, "junit"))
    cases = list(suites.iter("testcase"))
    assert len(cases) == len(demo.findings)
    for suite in suites:
        assert int(suite.get("tests", "")) == len(suite)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    wrong = sum(1 for each in demo.findings if each.severity.name != "info")
    assert len(suites.findall("testsuite/testcase/failure")) == wrong


def test_github_annotations_are_worst_first(demo: Report) -> None:
    lines = written(demo, "github").splitlines()
    assert len(lines) == len(demo.findings)
    levels = [line.split(" ")[0] for line in lines]
    assert levels == sorted(levels, key=["::error", "::warning", "::notice"].index)
    assert all(re.match(r"::(error|warning|notice) file=fixtures/repos/shop/[^,]+,line=\d+", line) for line in lines)


def test_code_quality_has_what_gitlab_asks_for(demo: Report) -> None:
    issues = json.loads(written(demo, "codequality"))
    assert len({each["fingerprint"] for each in issues}) == len(issues) == len(demo.findings)
    for each in issues:
        assert each["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert each["description"]
        assert not each["location"]["path"].startswith(("/", "./"))
        assert each["location"]["lines"]["begin"] >= 1


def test_markdown_begins_with_its_marker_and_has_a_table(demo: Report) -> None:
    lines = written(demo, "markdown").splitlines()
    assert lines[0] == MARKER
    assert len([line for line in lines if line.startswith(("| blocker", "| error", "| warning", "| info"))]) == min(
        len(demo.findings), 100
    )


def test_several_formats_in_one_run(tmp_path: Path) -> None:
    files = {name: tmp_path / f"out.{name}" for name in FORMATS}
    given = [part for name, file in files.items() for part in ("--output", f"{name}={file}")]
    command = [sys.executable, "-m", "ambimigrate", "scan", str(DEMO), *given, "--format", "json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert json.loads(run.stdout) == json.loads(files["json"].read_text())
    assert all(file.read_text() for file in files.values())


@pytest.mark.parametrize("given", ["sarif", "sarif=", "xml=a", "sarif=/nowhere/at/all.sarif"])
def test_a_faulty_output_ends_the_command_before_anything_is_read(given: str) -> None:
    command = [sys.executable, "-m", "ambimigrate", "scan", str(DEMO), "--output", given]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")


# --- hostile text ---------------------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "::error file=x::injected",
    "%0A::set-output name=x::y",
    "</failure></testcase><injected/>",
    "]]>",
    "| a | b |",
    "` ``` `",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "@everyone #1 !2",
    "a\nb\r\nc\u2028d\x00e",
    '"}],"injected":[{"',
    "-->",
]


def hostile(tmp_path: Path) -> Report:
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    ]
    for text in HOSTILE:
        objects.append(
            {
                "apiVersion": "networking.istio.io/v1",
                "kind": "EnvoyFilter",
                "metadata": {"name": text, "namespace": "shop"},
                "spec": {"configPatches": [{"applyTo": text, "match": {"context": "SIDECAR_INBOUND"}, "patch": {}}]},
            }
        )
    folder = tmp_path / "a\n::error::b"
    folder.mkdir()
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    (folder / "broken.yaml").write_text("kind: VirtualService\n\ta: [\x1b\n")
    return report(read_files([str(tmp_path)], TARGET))


def test_hostile_text_never_leaves_its_field(tmp_path: Path) -> None:
    made = hostile(tmp_path)
    named = {each.ref.name for each in made.findings}
    assert len(named) >= len(HOSTILE)
    texts = {name: written(made, name) for name in FORMATS}
    for name, text in texts.items():
        assert "\x1b" not in text, name
        assert "\x00" not in text, name
        assert name == "json" or "\u2028" not in text, name
    assert not any(line.startswith("::") for name in ("text", "markdown") for line in texts[name].splitlines())
    commands = texts["github"].splitlines()
    assert len(commands) == len(made.findings) + len(made.problems)
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in commands)
    suites = ElementTree.fromstring(texts["junit"])
    assert not list(suites.iter("injected"))
    for name in ("json", "sarif", "codequality"):
        assert "injected" not in str(keys(json.loads(texts[name])))
    rows = [line for line in texts["markdown"].splitlines() if line.startswith(("| error", "| warning", "| blocker", "| info"))]
    assert len(rows) == len(made.findings)
    assert all(line.replace("\\|", "").count("|") == 6 for line in rows)
    assert not re.search(r"(?<!\\)<script", re.sub(r"(`+).*?\1(?!`)", "", texts["markdown"]))


def keys(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [*tree, *(key for value in tree.values() for key in keys(value))]
    return [key for value in tree for key in keys(value)] if isinstance(tree, list) else []


@pytest.mark.parametrize("text", HOSTILE)
def test_code_and_escaped_text_stay_closed(text: str) -> None:
    shown = code(text)
    fence = re.match(r"`+", shown)
    assert fence
    inner = shown[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall(r"`+", inner)
    assert not re.search(r"(?<!\\)[<>|\[\]@`]", escaped(text))
