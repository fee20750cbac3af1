"""Hostile text in every field of a report, in every format: read back by the format's own rules, it is still in its field."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ambimigrate.decode import Counts
from ambimigrate.model import Finding, Hit, Mesh, Position, Problem, Ref, Severity, Suppression, Target
from ambimigrate.render import FORMATS, renderer
from ambimigrate.render.markdown import MARKER
from ambimigrate.render.style import visible
from ambimigrate.report import Report
from ambimigrate.suppressions.comments import comments
from ambimigrate.suppressions.wording import of_annotation, of_comment
from ambimigrate.verdicts import Need, Standing
from ambimigrate.versions import NEWEST, NEWEST_GATEWAY_API
from ambimigrate.yamlio import documents

TARGET = Target(NEWEST, NEWEST_GATEWAY_API)
SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text())
PIECES = [
    "\x1b[31m",
    "\x1b]8;;http://evil.example\x1b\\",
    "\x9b31m",
    "\x07",
    "\x7f",
    "\r",
    "\n",
    "\u2028",
    "\x85",
    "\x00",
    "\ufffe",
    "\udcff",
    "\u202e",
    "\u2066",
    "\u200b",
    "::error file=x::y",
    "::add-mask::x",
    "::stop-commands::t",
    "::",
    " ::set-output name=a::b",
    "##[error]x",
    "##[stop-commands]t",
    "##vso[task.setvariable variable=a]b",
    "##teamcity[x]",
    "#",
    "[",
    "%0A::error::x",
    "%250A",
    "%3A",
    ",title=x",
    "=",
    "[a](javascript:alert)",
    "[a](0)",
    "![a](https://evil.example/a.png)",
    "<img src=x onerror=alert(1)>",
    "</script><script>",
    "<!-- -->",
    "-->",
    "&lt;",
    "&#64;x",
    "| a |",
    "|",
    "\\",
    "\\|",
    "`",
    "```",
    "**a**",
    "~~a~~",
    "$a$",
    "@everyone",
    "@org/team",
    "#1",
    "GH-1",
    "!1",
    "https://evil.example",
    "www.evil.example",
    "a@evil.example",
    "]]>",
    "</failure></testcase><injected/>",
    '"}],"injected":[{"',
    "'",
    "../../etc/passwd",
    "- ",
    "# ",
    "> ",
    "1. ",
    "    ",
    "{0}",
    "x" * 3000,
    "é",
    "日本",
    "\U0001f600",
    "a",
    "-",
    ".",
    " ",
]
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join)
NAME = TEXT.map(lambda text: text.replace("/", "-"))  # keeps paths from being other paths than those of the test
FILE = NAME.filter(lambda text: not text.startswith(("cluster", "<")))


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report in which every text that comes from the input is hostile; rules, severities and places are as always."""
    findings = tuple(draw(_finding(number)) for number in range(draw(st.integers(0, 4))))
    problems = tuple(
        Problem(draw(TEXT), draw(FILE), draw(st.none() | st.integers(1, 9))) for _ in range(draw(st.integers(0, 2)))
    )
    spaces = tuple(dict.fromkeys(each.ref.namespace for each in findings))
    need = Need((draw(NAME),), ("VS001",))
    standings = tuple(Standing(name, "", assumed=True, mode="sidecar", verdict="wait", waypoint=need) for name in spaces)
    counts = Counts(files=1, documents=1, not_rendered=[draw(FILE)])
    meshes = (Mesh("", (), TARGET),)
    return Report(TARGET, meshes, "files", counts, problems, findings, standings, (draw(TEXT),))


@st.composite
def _finding(draw: st.DrawFn, number: int) -> Finding:
    position = Position(draw(FILE), draw(st.integers(1, 9)), draw(st.none() | st.integers(1, 9)), ("spec", draw(NAME)))
    suppressed = Suppression("comment", draw(TEXT) or "x", None, position) if draw(st.booleans()) else None
    hit = Hit(position, draw(TEXT) or "x")
    severity = draw(st.sampled_from(list(Severity)))
    ref = Ref("VirtualService", "networking.istio.io", draw(NAME), draw(NAME))
    return Finding(
        "CT021",
        severity,
        fails_open=False,
        ref=ref,
        hit=hit,
        fix="Do it.",
        meshes=("",),
        fingerprint=f"{number:064x}",
        suppressed=suppressed,
    )


def written(made: Report, name: str) -> str:
    out = io.StringIO()
    renderer(name)(made, out)
    return out.getvalue()


def utf8(text: str) -> str:
    """A name that is no UTF-8 has its odd bytes spelt out."""
    return text.encode(errors="backslashreplace").decode()


everywhere = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def counted(made: Report) -> tuple[int, int]:
    """How many findings count, and how many are suppressed."""
    hushed = sum(1 for each in made.findings if each.suppressed)
    return len(made.findings) - hushed, hushed


# --- what a runner does with what a program prints: actions/runner, src/Runner.Common/ActionCommand.cs ----------------

COMMANDS = {
    "add-mask", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "save-state", "set-env", "set-output",
    "stop-commands", "warning", "add-matcher", "remove-matcher", "internal-set-repo-path",
}  # fmt: skip
LINES = re.compile(r"\r\n|\r|\n")  # how .NET parts what it reads


def followed(line: str) -> tuple[str, dict[str, str], str] | None:
    """The command that the runner finds in a line: name, properties, text."""
    trimmed = line.lstrip()
    if trimmed.startswith("::") and (end := trimmed.find("::", 2)) >= 0:
        name, _, rest = trimmed[2:end].partition(" ")
        if name.lower() in COMMANDS:
            pairs = [each.split("=", 1) for each in rest.strip().split(",") if "=" in each]
            found = {key: _unescaped(value, ("%3A", ":"), ("%2C", ",")) for key, value in pairs if key and value}
            return name, found, _unescaped(trimmed[end + 2 :])
    start = line.find("##[")
    end = line.find("]", start)
    name = line[start + 3 : end].partition(" ")[0]
    return (name, {}, line[end + 1 :]) if start >= 0 and end >= 0 and name.lower() in COMMANDS else None


def _unescaped(text: str, *more: tuple[str, str]) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(code, char)
    return text


@everywhere
@given(reports())
def test_github_reads_our_commands_and_no_others(made: Report) -> None:
    lines = LINES.split(written(made, "github"))
    assert lines.pop() == ""
    read = [followed(line) for line in lines]
    assert len(read) == counted(made)[0] + len(made.problems)
    said = {visible(f"{each.hit.message}. {each.fix}") for each in made.findings} | {
        visible(each.message) for each in made.problems
    }
    for command in read:
        assert command is not None
        name, properties, text = command
        assert name in {"error", "warning", "notice"}
        assert properties.keys() <= {"file", "line", "col", "title"}
        assert text in said
    titles = sorted(each[1].get("title", "") for each in read[len(made.problems) :] if each)
    assert titles == sorted(visible(f"CT021 {each.ref}").rstrip() for each in made.findings if not each.suppressed)


@everywhere
@given(reports(), st.sampled_from([each for each in FORMATS if each != "github"]))
def test_no_server_follows_a_command_in_what_is_printed(made: Report, name: str) -> None:
    for line in LINES.split(written(made, name)):
        assert followed(line) is None, line
        assert not re.search(r"##\w*\[", line), line


@everywhere
@given(reports(), st.sampled_from(FORMATS))
def test_nothing_that_is_printed_controls_a_terminal_or_hides(made: Report, name: str) -> None:
    text = written(made, name)
    text.encode()
    odd = {each for each in text if not each.isprintable()} - {"\n"}
    assert not odd, odd


@everywhere
@given(reports())
def test_text_keeps_its_lines(made: Report) -> None:
    lines = written(made, "text").splitlines()
    assert all(line == line.rstrip("\r") for line in lines)
    heads = [line for line in lines if re.match(r"  (blocker|error|warning|info) CT021 A suppression is out of date$", line)]
    assert len(heads) <= counted(made)[0]
    shown = [line for line in lines if line.startswith("    VirtualService")]
    assert len(shown) == counted(made)[0]


@everywhere
@given(reports())
def test_json_holds_every_value_as_it_was(made: Report) -> None:
    found = json.loads(written(made, "json"))
    assert [each["message"] for each in found["findings"]] == [utf8(each.hit.message) for each in made.findings]
    assert [each["object"]["name"] for each in found["findings"]] == [utf8(each.ref.name) for each in made.findings]
    assert [each["file"] for each in found["findings"]] == [utf8(each.hit.position.file) for each in made.findings]
    reasons = [utf8(each.suppressed.reason) for each in made.findings if each.suppressed]
    assert [each["suppressed"]["reason"] for each in found["findings"] if each["suppressed"]] == reasons
    assert "injected" not in keys(found)


@everywhere
@given(reports())
def test_sarif_is_valid_and_its_messages_hold_no_links(made: Report) -> None:
    found = json.loads(written(made, "sarif"))
    jsonschema.Draft4Validator(SARIF).validate(found)
    run = found["runs"][0]
    assert len(run["results"]) == len(made.findings)
    assert [len(each["suppressions"]) for each in run["results"]] == [int(bool(each.suppressed)) for each in made.findings]
    for result in run["results"]:
        assert "](" not in result["message"]["text"]
    assert "injected" not in keys(found)


@everywhere
@given(reports())
def test_code_quality_has_an_issue_for_each(made: Report) -> None:
    found = json.loads(written(made, "codequality"))
    assert len(found) == counted(made)[0] + len(made.problems)
    assert set(keys(found)) <= {"description", "check_name", "fingerprint", "severity", "location", "path", "lines", "begin"}


@everywhere
@given(reports())
def test_junit_is_xml_with_every_text_in_its_place(made: Report) -> None:
    suites = ElementTree.fromstring(written(made, "junit"))
    known = {"testsuites", "testsuite", "testcase", "failure", "skipped", "system-out", "error"}
    assert {each.tag for each in suites.iter()} <= known
    cases = [each for each in suites.iter("testcase") if each.get("classname", "").startswith("CT021.")]
    assert len(cases) == len(made.findings)
    names = sorted(visible(f"CT021 {each.ref} (") for each in made.findings)
    assert all(any((case.get("name") or "").startswith(name[:-2]) for name in names) for case in cases)
    messages = {visible(each.hit.message) for each in made.findings}
    assert {each.get("message") for each in suites.iter("failure")} <= messages
    reasons = {visible(each.suppressed.reason) for each in made.findings if each.suppressed}
    assert {each.get("message") for each in suites.iter("skipped")} == reasons


# --- Markdown: by a parser of CommonMark with GitHub's tables, and by what the hosts look for in what it makes ----------

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
REFERS = re.compile(r"@\w|#\d|\w://|(?<!\w)www\.\w+\.")


@everywhere
@given(reports())
def test_markdown_is_a_table_of_text_and_code(made: Report) -> None:
    text = written(made, "markdown")
    assert len(text) < 65_536
    assert text.startswith(f"{MARKER}\n")
    rows = 0
    for token in MARKDOWN.parse(text):
        assert token.type != "html_block" or token.content.strip() == MARKER, token
        assert not token.type.startswith(("heading", "blockquote", "code_block", "fence", "hr")), token
        rows += token.type == "tr_open"
        for inner in token.children or ():
            plain = inner.type in {"text", "text_special", "code_inline", "softbreak", "strong_open", "strong_close"}
            assert plain or (inner.type == "html_inline" and inner.content == "<br>"), inner
    rendered = re.sub(r"<code>.*?</code>", "", MARKDOWN.render(text), flags=re.DOTALL)
    assert not re.search(r"<(?:a|img|script|del|em)\b", rendered)
    assert not REFERS.search(re.sub(r"<[^>]*>", " ", rendered).replace("&lt;", "<")), rendered
    assert rows == (counted(made)[0] + 1 if counted(made)[0] else 0)
    cells = [len(row.split("<td>")) - 1 for row in MARKDOWN.render(text).split("<tr>")[2:]]
    assert set(cells) <= {5}


def test_a_comment_on_a_pull_request_never_grows_too_long() -> None:
    hit = Hit(Position("a" * 900, 1, 1), "*" * 90_000)
    ref = Ref("Service", "", "shop", "`" * 900)
    finding = Finding("CT021", Severity.error, fails_open=False, ref=ref, hit=hit, fix="Do it.", meshes=("",))
    problems = tuple(Problem("#" * 90_000, f"{number}.yaml") for number in range(200))
    made = Report(TARGET, (Mesh("", (), TARGET),), "files", Counts(), problems, (finding,) * 300, (), ())
    text = written(made, "markdown")
    assert len(text) < 65_536
    assert re.search(r"and \d+ more", text)


# --- suppressions are hostile text, too ------------------------------------------------------------------------------


@everywhere
@given(TEXT)
@example("ignore[VS001] because " + "until " * 2000)
def test_words_of_suppressions_are_read_without_a_fault(text: str) -> None:
    said = of_comment(text)
    assert said.fault or said.ids
    assert of_annotation(text)


@everywhere
@given(
    st.lists(
        st.one_of(st.sampled_from(["a: b", "- c", "{", "x: |", "  # ambimigrate: ignore[VS001] because x", "---", " y"]), TEXT)
    )
)
def test_comments_of_any_text_are_found_without_a_fault(parts: list[str]) -> None:
    above: tuple[Any, ...] = ()
    for document in documents("a.yaml", "\n".join(parts)):
        found, is_empty = comments(document, above)
        above = found if is_empty else ()
        for each in found:
            assert each.position.line
            assert all(area.start < area.end for area in each.areas)


def keys(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [*tree, *(key for value in tree.values() for key in keys(value))]
    return [key for value in tree for key in keys(value)] if isinstance(tree, list) else []


@pytest.mark.parametrize("text", ["::1", "fe80::1", "::ffff:1.2.3.4", "a::b", "##", "# a", "Class::method"])
def test_what_is_no_command_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


class _Tags(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]


@everywhere
@given(reports())
def test_html_holds_no_element_or_handler_from_a_name(made: Report) -> None:
    page = _Tags()
    page.feed(written(made, "html"))
    assert not page.tags.keys() & {"injected", "img", "iframe", "object", "base"}
    assert page.tags["script"] <= 2
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [
        value for name, value in page.attributes if name in {"href", "src"} and value.strip().lower().startswith("javascript")
    ]


def test_files_with_hostile_names_in_every_format(tmp_path: Path) -> None:
    text = "apiVersion: networking.istio.io/v1\nkind: EnvoyFilter\nmetadata: {name: a, namespace: shop}\nspec: {}\n"
    for name in (b"\xff\xfe.yaml", b"a\n::error::b.yaml", b"::error title=x::y.yaml", b"##[error]x.yaml", b"\x1b[31m.yaml"):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text(
            text + "# ambimigrate: ignore[@x, ::error::y] because ##[error]z\n"
        )
    given = [part for name in FORMATS for part in ("--output", f"{name}={tmp_path / name}.out")]
    command = [sys.executable, "-m", "ambimigrate", "scan", ".", *given]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "internal error" not in run.stderr
    assert run.returncode in {0, 1, 2}
    assert len(json.loads((tmp_path / "json.out").read_text())["findings"]) >= 5
    for format in FORMATS:
        found = (tmp_path / f"{format}.out").read_text()
        assert not {each for each in found if not each.isprintable()} - {"\n"}
        assert format == "github" or not any(followed(line) for line in LINES.split(found))
