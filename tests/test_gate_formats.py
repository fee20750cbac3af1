"""Every format of the gate: the same verdict, valid by its schema, and no hostile name leaves its field."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from ambimigrate import catalogue
from ambimigrate.decode import Counts
from ambimigrate.model import Finding, Hit, Position, Problem, Ref, Severity, Target
from ambimigrate.render import FORMATS, renderer
from ambimigrate.report import Fixed, Gate, Report
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from tests.gated import PORT_MODE, ROUTE, Repository, began, namespace

FOLDER = Path(__file__).parent / "schemas"
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return began(tmp_path)


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
    schema = json.loads((FOLDER / "sarif-2.1.0.json").read_text())
    jsonschema.Draft4Validator(schema).validate(json.loads(text["sarif"]))
    assert {each["baselineState"] for each in results} == {"new", "unchanged"}
    assert text["junit"].count("<failure") == len(stops)
    assert len([line for line in text["github"].splitlines() if line.startswith("::error ")]) == len(stops)
    assert len(json.loads(text["codequality"])) == len(found["findings"])
    assert text["markdown"].count("Stops this change: ") == len(stops)
    assert text["text"].splitlines()[-1].startswith("failed: ")
    for name in names:
        assert repository.gate("--base", "main", "--format", name).returncode == 1


SUPPRESSED = "suppressions:\n- {id: PA001, name: hushed, because: SHOP-1, until: 2999-12-31}\n"
CHANGES: dict[str, dict[str, str | None]] = {
    "nothing": {},
    "known, new, suppressed and failing": {
        "mode.yaml": PORT_MODE,
        "hushed.yaml": PORT_MODE.replace("name: web", "name: hushed", 1),
    },
    "a problem": {"mode.yaml": "kind: Service\n  metadata: [\n"},
    "nothing left to read": {"shop.yaml": None, "route.yaml": None},
    "what no file holds": {"shop.yaml": namespace() + namespace("cart").replace("name: cart,", "name: 'cart\\n::error::',")},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_servers_read_is_valid(repository: Repository, change: dict[str, str | None]) -> None:
    repository.commit({"route.yaml": ROUTE.replace("NAME", "web"), ".ambimigrate.yaml": SUPPRESSED})
    repository.write(change)
    given = [part for name in ("sarif", "junit", "codequality") for part in ("--output", f"{name}=out.{name}")]
    repository.gate("--base", "main", *given)
    sarif, junit, issues = ((repository.root / f"out.{name}").read_text() for name in ("sarif", "junit", "codequality"))
    schemas = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("sarif-2.1.0", "junit", "codequality")}
    assert not list(jsonschema.Draft4Validator(schemas["sarif-2.1.0"]).iter_errors(json.loads(sarif)))
    tree = ElementTree.fromstring(junit)
    assert not list(jsonschema.Draft202012Validator(schemas["junit"]).iter_errors(structure(tree)))
    assert not list(jsonschema.Draft202012Validator(schemas["codequality"]).iter_errors(json.loads(issues)))
    for suite in tree:
        counted = {name: len(suite.findall(f"testcase/{tag}")) for name, tag in COUNTED.items()}
        assert {name: int(suite.attrib[name]) for name in COUNTED} == counted
        assert int(suite.attrib["tests"]) == len(suite)


def structure(element: ElementTree.Element) -> dict[str, Any]:
    """An element as JSON Schema can look at it."""
    return {"tag": element.tag, "attributes": dict(element.attrib), "children": [structure(each) for each in element]}


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
