"""The report as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import os
from typing import Any, TextIO
from urllib.parse import quote

from ambimigrate import __version__, catalogue
from ambimigrate.model import Finding, Problem, Severity, Suppression, spelt
from ambimigrate.render import places
from ambimigrate.render.encoding import dumped
from ambimigrate.render.markdown import escaped
from ambimigrate.render.style import visible
from ambimigrate.report import Gate, Report
from ambimigrate.suppressions.values import CONFIGURATION

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {Severity.info: "note", Severity.warning: "warning", Severity.error: "error", Severity.blocker: "error"}
_RANKS = {Severity.info: 20.0, Severity.warning: 50.0, Severity.error: 80.0, Severity.blocker: 100.0}
_STATES = {"new": "new", "worse": "updated", "known": "unchanged"}


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
        "results": [_result(each, numbers[each.rule]) | _state(each, report.gate) for each in report.findings],
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
    return {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "rank": _RANKS[finding.severity],
        "message": {"text": _plain(f"{finding.hit.message}. {finding.fix}")},
        "locations": [_location(finding)],
        "partialFingerprints": {"ambimigrate/v1": finding.fingerprint},
        "suppressions": [_suppression(finding.suppressed)] if finding.suppressed else [],
        "properties": {
            "severity": finding.severity.name,
            "case": finding.hit.case,
            "fails_open": finding.fails_open,
            "meshes": list(finding.meshes),
        },
    }


def _suppression(value: Suppression) -> dict[str, Any]:
    kind = "external" if value.by == CONFIGURATION else "inSource"
    found: dict[str, Any] = {"kind": kind, "status": "accepted", "justification": visible(value.reason)}
    if value.place and places.is_file(value.place):
        found["location"] = {"physicalLocation": _physical(value.place.file, value.place.line, value.place.column)}
    return found


def _state(finding: Finding, gate: Gate | None) -> dict[str, Any]:
    return {"baselineState": _STATES[gate.state(finding)]} if gate else {}


def _location(finding: Finding) -> dict[str, Any]:
    position, ref = finding.hit.position, finding.ref
    name = "/".join(each for each in (ref.namespace, ref.kind, ref.name) if each)
    found: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": visible(name), "kind": "resource", "name": visible(spelt(position.route))}]
    }
    if places.is_file(position):
        found["physicalLocation"] = _physical(position.file, position.line, position.column)
    return found


def _physical(file: str, line: int | None, column: int | None = None) -> dict[str, Any]:
    region = {"startLine": line or 1} | ({"startColumn": column} if column else {})
    return {"artifactLocation": {"uri": quote(os.fsencode(places.path(file))), "uriBaseId": _ROOT}, "region": region}


def _problem(problem: Problem) -> dict[str, Any]:
    found: dict[str, Any] = {"level": "error", "message": {"text": _plain(problem.message)}}
    if problem.file and not problem.file.startswith((places.CLUSTER, "<")):
        found["locations"] = [{"physicalLocation": _physical(problem.file, problem.line)}]
    return found


def _plain(text: str) -> str:
    """Text of a message: `[words](target)` would be a link (SARIF 2.1.0, 3.11.6), so that a space parts the two."""
    return visible(text).replace("](", "] (")
