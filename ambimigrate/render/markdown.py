"""The report as Markdown, for a comment on a pull request or a step summary; a marker lets the comment be updated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TextIO

from ambimigrate.model import Finding, Severity
from ambimigrate.render import places
from ambimigrate.render.style import counted, visible
from ambimigrate.report import Report

MARKER = "<!-- ambimigrate -->"
_MOST = 100  # rows; the hosts cut comments at some 65,000 characters
_SPECIAL = frozenset("\\`*_{}[]<>()#+-.!|~@&:$")


def escaped(text: str) -> str:
    """Text of which nothing is read as Markdown, HTML, a mention or a command of a workflow."""
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in visible(text))


def code(text: str) -> str:
    """Text as inline code of a table, whatever it holds."""
    shown = visible(text).replace("|", "\\|")
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
    summary = report.summary
    found = [each for each in report.findings if not each.suppressed]
    yield MARKER
    counts = ", ".join(f"{summary[level.name]} {level.name}" for level in reversed(Severity) if summary[level.name])
    yield f"**ambimigrate** for Istio {report.target.istio}: {counts or 'nothing found'}"
    if report.problems:
        yield ""
        yield f"{counted(len(report.problems), 'problem')} in the input; what depends on it is unknown:"
        yield ""
        for problem in islice(report.problems, _MOST):
            where = f"{code(places.path(problem.file))}: " if problem.file else ""
            yield f"- {where}{escaped(problem.message)}"
    if found:
        yield ""
        yield "| | rule | object | place | what |"
        yield "|---|---|---|---|---|"
        worst_first = sorted(found, key=lambda each: -each.severity)
        yield from (_row(each) for each in worst_first[:_MOST])
        if len(found) > _MOST:
            yield f"| | | | | and {len(found) - _MOST} more |"


def _row(finding: Finding) -> str:
    position = finding.hit.position
    place = places.path(position.file) + (f":{position.line}" if position.line else "")
    said = f"{escaped(finding.hit.message)}<br>{escaped(finding.fix)}"
    return f"| {finding.severity.name} | {finding.rule} | {code(str(finding.ref))} | {code(place)} | {said} |"
