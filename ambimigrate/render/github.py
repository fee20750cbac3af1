"""The report as annotations of GitHub Actions: one workflow command a line, worst first."""

from __future__ import annotations

from typing import TextIO

from ambimigrate.model import Position, Severity
from ambimigrate.render import places
from ambimigrate.render.style import visible
from ambimigrate.report import Report

_COMMANDS = {Severity.info: "notice", Severity.warning: "warning", Severity.error: "error", Severity.blocker: "error"}


def render(report: Report, out: TextIO) -> None:
    """Writes the commands; GitHub shows ten of each level for a step, so that the worst come first."""
    for problem in report.problems:
        out.write(_command("error", Position(problem.file, problem.line, None), "input", problem.message))
    for finding in sorted(report.findings, key=lambda each: (-each.severity, each.hit.position.order)):
        if not finding.suppressed:
            title = f"{finding.rule} {finding.ref}"
            text = f"{finding.hit.message}. {finding.fix}"
            out.write(_command(_COMMANDS[finding.severity], finding.hit.position, title, text))


def _command(name: str, position: Position, title: str, text: str) -> str:
    values = {"title": title}
    if places.is_file(position):
        numbers = {"line": position.line, "col": position.column}
        values = {"file": places.path(position.file), **{key: str(each) for key, each in numbers.items() if each}, **values}
    return f"::{name} {','.join(f'{key}={_property(each)}' for key, each in values.items())}::{_data(text)}\n"


def _data(text: str) -> str:
    """Text behind the command, as the toolkit of GitHub Actions escapes it."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
