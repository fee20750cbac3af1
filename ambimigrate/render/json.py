"""The report as versioned JSON: the contract for other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

from ambimigrate import catalogue
from ambimigrate.advice import Advice
from ambimigrate.kinds import HelmValues
from ambimigrate.model import Finding, Suppression, spelt
from ambimigrate.outlook import Outlook
from ambimigrate.render.encoding import streamed
from ambimigrate.render.heads import head, problem, reference
from ambimigrate.report import Gate, Report
from ambimigrate.verdicts import Standing

SCHEMA = "ambimigrate.report/v1"
LEVELS = ("blocker", "error", "warning", "info", "suppressed")


def render(report: Report, out: TextIO) -> None:
    """Writes the report finding by finding."""
    streamed(_sections(report), out)


def record(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in _sections(report)}


def _sections(report: Report) -> Iterator[tuple[str, Any]]:
    """Keys and values in their order; what can be long is an iterator."""
    summary = report.summary
    yield from head(SCHEMA, report).items()
    yield "findings", (_finding(each, report) for each in report.findings)
    yield "namespaces", (_namespace(each) for each in report.namespaces)
    yield "advice", [_advice(each) for each in report.advice]
    yield "summary", {level: summary[level] for level in LEVELS}
    if report.gate:
        yield from _gate(report.gate, report)
    if report.outlook:
        yield "upgrade_path", [_outlook(each) for each in report.outlook]
    if report.objects:
        yield "objects", _objects(report)


def _gate(gate: Gate, report: Report) -> Iterator[tuple[str, Any]]:
    """What the gate decided, beside the states of the findings."""
    states = Counter(gate.state(each) for each in report.findings)
    verdict = {
        "base": gate.base,
        "verdict": "problems" if report.problems else "failed" if gate.failing else "passed",
        **{state: states[state] for state in ("new", "worse", "known")},
        "failing": sorted(gate.failing),
        "remarks": list(gate.remarks),
    }
    yield "gate", verdict
    yield "fixed", [{"fingerprint": each.fingerprint, "id": each.id, "object": reference(each.object)} for each in gate.fixed]
    yield "known_problems", [problem(each) for each in gate.problems]


def _state(finding: Finding, gate: Gate | None) -> dict[str, Any]:
    """What the gate says of a finding; `fails` tells why it stops the change, or is null."""
    if gate is None:
        return {}
    said: dict[str, Any] = {"state": gate.state(finding), "fails": gate.failing.get(finding.fingerprint)}
    changed = gate.changed.get(finding.fingerprint)
    return said | ({"changed": list(changed)} if changed else {})


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "situation": advice.situation,
        "recommendation": advice.recommendation,
        "because": list(advice.because),
    }


def _outlook(outlook: Outlook) -> dict[str, Any]:
    return {
        "istio": str(outlook.version),
        "namespaces": [{"name": one.name, "mesh": one.mesh, "verdict": one.verdict} for one in outlook.standings],
    }


def _finding(finding: Finding, report: Report) -> dict[str, Any]:
    entry = catalogue.entry(finding.rule)
    position = finding.hit.position
    suppressed = finding.suppressed
    return {
        "id": finding.rule,
        "case": finding.hit.case,
        "title": entry.title,
        "severity": finding.severity.name,
        "message": finding.hit.message,
        "object": reference(finding.ref),
        "mesh": finding.meshes[0],
        "meshes": list(finding.meshes),
        "file": position.file,
        "line": position.line,
        "column": position.column,
        "field": spelt(position.route),
        "fix": report.gate.fix(finding) if report.gate else finding.fix,
        "references": list(entry.references),
        "evidence": finding.hit.evidence or entry.cases[finding.hit.case].evidence,
        "fails_open": finding.fails_open,
        "suppressed": suppressed and _suppressed(suppressed),
        "fingerprint": finding.fingerprint,
        **_state(finding, report.gate),
    }


def _suppressed(value: Suppression) -> dict[str, Any]:
    place = value.place
    where = {"file": place.file, "line": place.line} if place else {}
    return {"by": value.by, "reason": value.reason, "expires": value.expires, **where}


def _namespace(standing: Standing) -> dict[str, Any]:
    need = standing.waypoint
    return {
        "name": standing.name,
        "mesh": standing.mesh,
        "assumed": standing.assumed,
        "mode": standing.mode,
        "verdict": standing.verdict,
        "not_seen": list(standing.not_seen),
        "wait_for": standing.wait_for,
        "waypoint": need and {"services": list(need.services), "because": list(need.because)},
    }


def _objects(report: Report) -> Iterator[dict[str, Any]]:
    for mesh in report.meshes:
        for resource in (each for each in mesh.resources if type(each.body) is not HelmValues):
            position = resource.at()
            yield {**reference(resource.ref), "mesh": mesh.name, "file": position.file, "line": position.line}
