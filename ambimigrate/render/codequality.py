"""The report as GitLab's Code Quality: a list of issues with fingerprint, severity and place."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, TextIO

from ambimigrate.model import Position, Severity
from ambimigrate.render import places
from ambimigrate.render.encoding import encoded
from ambimigrate.render.gate_text import paragraph
from ambimigrate.render.style import visible
from ambimigrate.report import Report

_SEVERITIES = {
    Severity.info: "info",
    Severity.warning: "minor",
    Severity.error: "critical",
    Severity.blocker: "blocker",
}


def render(report: Report, out: TextIO) -> None:
    """Writes the list."""
    out.write(encoded(list(_issues(report))) + "\n")


def _issues(report: Report) -> Iterator[dict[str, Any]]:
    for problem in report.problems:
        key = sha256(f"{problem.file}\0{problem.message}".encode(errors="surrogateescape")).hexdigest()
        yield _issue("input", problem.message, Position(problem.file, problem.line, None, ()), key, "blocker")
    for finding in report.findings:
        if not finding.suppressed:
            text = f"{finding.rule} {finding.ref}: {paragraph(finding, report.gate)}"
            severity = _SEVERITIES[finding.severity]
            yield _issue(finding.rule, text, finding.hit.position, finding.fingerprint, severity)


def _issue(check: str, text: str, position: Position, fingerprint: str, severity: str) -> dict[str, Any]:
    return {
        "description": visible(text),
        "check_name": check,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": visible(places.path(position.file)) or ".", "lines": {"begin": position.line or 1}},
    }
