"""The report as versioned JSON: the contract for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

import msgspec

from ambimigrate import __version__, catalogue
from ambimigrate.advice import Advice
from ambimigrate.kinds import HelmValues
from ambimigrate.model import Finding, Problem, Ref, Target
from ambimigrate.outlook import Outlook
from ambimigrate.report import Report
from ambimigrate.verdicts import Standing

SCHEMA = "ambimigrate.report/v1"
LEVELS = ("blocker", "error", "warning", "info", "suppressed")


def render(report: Report, out: TextIO) -> None:
    """Writes one JSON object, finding by finding: at no time do all of them stand in memory as text."""
    before = "{"
    for key, value in _sections(report):
        out.write(f'{before}\n  "{key}": ')
        if isinstance(value, Iterator):
            _stream(value, out)
        else:
            out.write(_indented(value, 2))
        before = ","
    out.write("\n}\n")


def _stream(items: Iterator[Any], out: TextIO) -> None:
    before = "[\n    "
    for item in items:
        out.write(before + _indented(item, 4))
        before = ",\n    "
    out.write("[]" if before[0] == "[" else "\n  ]")


def _indented(value: Any, by: int) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode().replace("\n", "\n" + " " * by)


def dumped(record: dict[str, Any]) -> str:
    """A record as indented JSON with a line feed at its end."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2).decode() + "\n"


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
    if report.outlook:
        yield "upgrade_path", [_outlook(each) for each in report.outlook]
    if report.objects:
        yield "objects", _objects(report)


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


def head(schema: str, report: Report) -> dict[str, Any]:
    """What every JSON output begins with."""
    return {
        "schema": schema,
        "tool": {"name": "ambimigrate", "version": __version__},
        "target": target(report.target),
        "input": {
            "files": report.counts.files,
            "documents": report.counts.documents,
            "objects": dict(sorted(report.counts.objects.items())),
            "skipped": dict(sorted(report.counts.skipped.items())),
            "not_rendered": report.counts.not_rendered,
            "source": report.source,
            "meshes": [mesh.name for mesh in report.meshes],
            "notes": list(report.notes),
        },
        "problems": [problem(each) for each in report.problems],
    }


def bare_head(schema: str, value: Target) -> dict[str, Any]:
    """The same where nothing was read."""
    return {
        "schema": schema,
        "tool": {"name": "ambimigrate", "version": __version__},
        "target": target(value),
        "input": {"files": 0, "documents": 0, "objects": {}, "skipped": {}, "not_rendered": [], "source": "numbers"},
        "problems": [],
    }


def target(value: Target) -> dict[str, Any]:
    return {
        "istio": str(value.istio),
        "gateway_api": str(value.gateway_api),
        "channel": value.channel,
        "platform": value.platform,
    }


def problem(value: Problem) -> dict[str, Any]:
    return {"message": value.message, "file": value.file, "line": value.line}


def reference(ref: Ref) -> dict[str, Any]:
    return {"kind": ref.kind, "group": ref.group, "namespace": ref.namespace, "name": ref.name}


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
        "field": field(position.route),
        "fix": finding.fix,
        "references": list(entry.references),
        "evidence": finding.hit.evidence or entry.cases[finding.hit.case].evidence,
        "fails_open": finding.fails_open,
        "suppressed": suppressed and {"by": suppressed.by, "reason": suppressed.reason, "expires": suppressed.expires},
        "fingerprint": finding.fingerprint,
    }


def field(route: tuple[str | int, ...]) -> str:
    """A route as people write it: `spec.http[0].timeout`."""
    text = ""
    for step in route:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


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
