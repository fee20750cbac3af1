"""The report as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from typing import Any, TextIO
from urllib.parse import quote

from ambimigrate import __version__, catalogue
from ambimigrate.model import Finding, Problem, Severity
from ambimigrate.render import places
from ambimigrate.render.json import dumped, field
from ambimigrate.render.markdown import escaped
from ambimigrate.render.style import visible
from ambimigrate.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {Severity.info: "note", Severity.warning: "warning", Severity.error: "error", Severity.blocker: "error"}
_RANKS = {Severity.info: 20.0, Severity.warning: 50.0, Severity.error: 80.0, Severity.blocker: 100.0}


def render(report: Report, out: TextIO) -> None:
    """Writes one run."""
    out.write(dumped(record(report)))


def record(report: Report) -> dict[str, Any]:
    """The run as plain values."""
    ids = sorted({each.rule for each in report.findings})
    numbers = {id: number for number, id in enumerate(ids)}
    worst = {id: max(each.severity for each in report.findings if each.rule == id) for id in ids}
    driver = {
        "name": "ambimigrate",
        "semanticVersion": __version__,
        "rules": [_rule(id, worst[id]) for id in ids],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository"}}},
        "invocations": [
            {
                "executionSuccessful": not report.problems,
                "toolExecutionNotifications": [_problem(each) for each in report.problems],
            }
        ],
        "results": [_result(each, numbers[each.rule]) for each in report.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(id: str, worst: Severity) -> dict[str, Any]:
    entry = catalogue.entry(id)
    fixes = list(dict.fromkeys(case.fix for case in entry.cases.values()))
    references = "\n".join(f"- <{each}>" for each in entry.references)
    return {
        "id": id,
        "name": "".join(word.capitalize() for word in entry.title.split() if word.isalnum()) or id,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.why},
        "helpUri": entry.references[0],
        "help": {
            "text": " ".join((entry.why, *fixes)),
            "markdown": "\n\n".join((escaped(entry.why), *(f"- {escaped(each)}" for each in fixes), references)),
        },
        "defaultConfiguration": {"level": _LEVELS[worst]},
        "properties": {"tags": ["istio", "ambient", id[:2]]},
    }


def _result(finding: Finding, number: int) -> dict[str, Any]:
    suppressed = finding.suppressed
    reason = suppressed and {"kind": "external", "status": "accepted", "justification": suppressed.reason}
    return {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "rank": _RANKS[finding.severity],
        "message": {"text": visible(f"{finding.hit.message}. {finding.fix}")},
        "locations": [_location(finding)],
        "partialFingerprints": {"ambimigrate/v1": finding.fingerprint},
        "suppressions": [reason] if reason else [],
        "properties": {
            "severity": finding.severity.name,
            "case": finding.hit.case,
            "fails_open": finding.fails_open,
            "meshes": list(finding.meshes),
        },
    }


def _location(finding: Finding) -> dict[str, Any]:
    position, ref = finding.hit.position, finding.ref
    name = "/".join(each for each in (ref.namespace, ref.kind, ref.name) if each)
    found: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": visible(name), "kind": "resource", "name": visible(field(position.route))}]
    }
    if places.is_file(position):
        found["physicalLocation"] = _physical(position.file, position.line, position.column)
    return found


def _physical(file: str, line: int | None, column: int | None = None) -> dict[str, Any]:
    region = {"startLine": line or 1} | ({"startColumn": column} if column else {})
    return {"artifactLocation": {"uri": quote(places.path(file)), "uriBaseId": _ROOT}, "region": region}


def _problem(problem: Problem) -> dict[str, Any]:
    found: dict[str, Any] = {"level": "error", "message": {"text": visible(problem.message)}}
    if problem.file and not problem.file.startswith((places.CLUSTER, "<")):
        found["locations"] = [{"physicalLocation": _physical(problem.file, problem.line)}]
    return found
