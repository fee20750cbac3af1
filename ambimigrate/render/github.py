"""The report as annotations of GitHub Actions: one workflow command a line, worst first."""

from __future__ import annotations

import secrets
from typing import TextIO

from ambimigrate.model import Finding, Position, Severity
from ambimigrate.render import gate_text, places, text
from ambimigrate.render.style import visible
from ambimigrate.report import Gate, Report

_COMMANDS = {Severity.info: "notice", Severity.warning: "warning", Severity.error: "error", Severity.blocker: "error"}


def render(report: Report, out: TextIO) -> None:
    """Writes the commands; GitHub shows ten of each level for a step, so that the worst come first."""
    for problem in report.problems:
        out.write(_command("error", Position(problem.file, problem.line, None), "input", problem.message))
    shown = (each for each in report.findings if not each.suppressed and _is_shown(each, report.gate))
    for finding in sorted(shown, key=lambda each: (not _fails(each, report.gate), -each.severity, each.hit.position.order)):
        said = gate_text.paragraph(finding, report.gate)
        out.write(_command(_level(finding, report.gate), finding.hit.position, f"{finding.rule} {finding.ref}", said))


def fenced(report: Report, out: TextIO) -> None:
    """Writes the text of the report for the log: in between the runner follows no command, whatever a line holds."""
    token = secrets.token_hex(16)
    out.write(f"::stop-commands::{token}\n")
    text.render(report, out)
    out.write(f"::{token}::\n")


def _is_shown(finding: Finding, gate: Gate | None) -> bool:
    """Of the gate's findings only what is new or worse: a pull request does not answer for the rest."""
    return gate is None or gate.state(finding) != "known"


def _fails(finding: Finding, gate: Gate | None) -> bool:
    return gate is not None and gate.fails(finding)


def _level(finding: Finding, gate: Gate | None) -> str:
    """The command; of the gate's findings only those that fail are errors."""
    if gate is None:
        return _COMMANDS[finding.severity]
    return "error" if gate.fails(finding) else "notice" if finding.severity is Severity.info else "warning"


def _command(name: str, position: Position, title: str, said: str) -> str:
    values = {"title": title}
    if places.is_file(position):
        numbers = {"line": position.line, "col": position.column}
        values = {"file": places.path(position.file), **{key: str(each) for key, each in numbers.items() if each}, **values}
    return f"::{name} {','.join(f'{key}={_property(each)}' for key, each in values.items())}::{_data(said)}\n"


def _data(said: str) -> str:
    """Text behind the command, as the toolkit of GitHub Actions escapes it."""
    return visible(said).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")
