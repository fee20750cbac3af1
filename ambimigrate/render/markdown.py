"""The report as Markdown, for a comment on a pull request or a step summary; a marker lets the comment be updated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import TextIO

from ambimigrate.model import Finding, Problem, Severity
from ambimigrate.render import places
from ambimigrate.render.style import counted, visible
from ambimigrate.report import Gate, Report

MARKER = "<!-- ambimigrate -->"
_MOST = 100  # rows
_ROOM = 45_000  # characters of all tables; the hosts refuse comments of more than 65,536
_LONG = 500  # characters of one name or sentence
_SPECIAL = frozenset("\\`*_{}[]<>()#+-.!|~@&:$%^")
# GitHub and GitLab look for mentions, references and addresses in what Markdown has made of the text, where backslashes are
# gone (github/markup issue 1168; GitLab's autolinks): a space of no width parts what they look for.
_REFERS = re.compile(r"@|#(?=\d)|:(?=/)|\b[wW]{3}(?=\.)")
_NOTHING = "&#8203;"


def escaped(text: str) -> str:
    """Text of which nothing is read as Markdown, HTML, a mention, an address or a command of a workflow."""
    parted = _REFERS.sub("\\g<0>\0", _short(visible(text).strip()))  # spaces in front would begin a block of code
    return "".join(_NOTHING if each == "\0" else f"\\{each}" if each in _SPECIAL else each for each in parted)


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def code(text: str) -> str:
    """Text as inline code of a table, whatever it holds."""
    shown = _short(visible(text)).replace("|", "\\|") or " "
    fence = "`" * (1 + max((len(run) for run in _runs(shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


def _runs(text: str) -> Iterator[str]:
    """The runs of backticks."""
    run = ""
    for each in (*text, ""):
        if each == "`":
            run += each
        elif run:
            yield run
            run = ""


def render(report: Report, out: TextIO) -> None:
    """Writes the comment."""
    out.write("\n".join(_lines(report)) + "\n")


def _lines(report: Report) -> Iterator[str]:
    yield MARKER
    if report.gate:
        yield from _gate(report, report.gate)
        return
    summary = report.summary
    found = [each for each in report.findings if not each.suppressed]
    counts = ", ".join(f"{summary[level.name]} {level.name}" for level in reversed(Severity) if summary[level.name])
    hushed = f", {summary['suppressed']} suppressed" if summary["suppressed"] else ""
    yield f"**ambimigrate** for Istio {report.target.istio}: {counts or 'nothing found'}{hushed}"
    yield from _problems(report)
    if found:
        yield from _table(sorted(found, key=lambda each: -each.severity))


def _problems(report: Report) -> Iterator[str]:
    if report.problems:
        yield ""
        yield f"{counted(len(report.problems), 'problem')} in the input; what depends on it is unknown:"
        yield ""
        items = [f"- {_where(each)}{escaped(each.message)}" for each in islice(report.problems, _MOST)]
        yield from (shown := _fitting(items, _ROOM // 4))
        if len(report.problems) > len(shown):
            yield f"- and {len(report.problems) - len(shown)} more"


def _where(problem: Problem) -> str:
    return f"{code(places.path(problem.file))}: " if problem.file else ""


def _fitting(items: list[str], room: int) -> list[str]:
    """The first items, as many as there is room for."""
    ends = accumulate(len(each) + 1 for each in items)
    return [each for each, end in zip(items, ends, strict=True) if end <= room]


def _table(found: list[Finding], gate: Gate | None = None, room: int = _ROOM) -> Iterator[str]:
    """The first findings as rows of a table."""
    yield ""
    yield "| | rule | object | place | what |"
    yield "|---|---|---|---|---|"
    rows = _fitting([_row(each, gate) for each in found[:_MOST]], room)
    yield from rows
    if len(found) > len(rows):
        yield f"| | | | | and {len(found) - len(rows)} more |"


def _gate(report: Report, gate: Gate) -> Iterator[str]:
    """The gate's verdict: what stops the change, and folded away what is new besides."""
    from ambimigrate.render import gate_text

    sign = "❌" if gate.failing or report.problems else "✅"
    yield f"{sign} **ambimigrate** for Istio {report.target.istio}: {escaped(gate_text.verdict(report, gate))}"
    fresh = [each for each in report.findings if gate.state(each) != "known" and not each.suppressed]
    worst = sorted(fresh, key=lambda each: -each.severity)
    if gate.failing:
        yield from _table([each for each in worst if gate.fails(each)], gate)
    yield from _problems(report)
    if rest := [each for each in worst if not gate.fails(each)]:
        stops = "that stops" if len(rest) == 1 else "that stop"
        yield from ("", f"<details><summary>{counted(len(rest), 'new finding')} {stops} nothing here</summary>")
        yield from (*_table(rest, gate, _ROOM // 6), "", "</details>")
    if said := (*gate_text.remarks(report, gate), *gate.remarks):
        yield from ("", *(f"- {escaped(each)}" for each in said))


def _row(finding: Finding, gate: Gate | None = None) -> str:
    position = finding.hit.position
    place = places.path(position.file) + (f":{position.line}" if position.line else "")
    said = f"{escaped(finding.hit.message)}<br>{escaped(gate.fix(finding) if gate else finding.fix)}"
    if gate and gate.fails(finding):
        said += f"<br>Stops this change: {escaped(gate.failing[finding.fingerprint])}"
    return f"| {finding.severity.name} | {finding.rule} | {code(str(finding.ref))} | {code(place)} | {said} |"
