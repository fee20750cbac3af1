"""The report as versioned JSON: the contract for other programs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

import msgspec

from ambimigrate import __version__, catalogue
from ambimigrate.advice import Advice
from ambimigrate.kinds import HelmValues
from ambimigrate.model import Finding, Problem, Ref, Suppression, Target
from ambimigrate.outlook import Outlook
from ambimigrate.report import Gate, Report
from ambimigrate.verdicts import Standing

SCHEMA = "ambimigrate.report/v1"
_HIDDEN = re.compile(r"[^\x00-\x7e]")
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
    return encoded(value).replace("\n", "\n" + " " * by)


def dumped(record: dict[str, Any]) -> str:
    """A record as indented JSON with a line feed at its end."""
    return encoded(record) + "\n"


def encoded(value: Any) -> str:
    """A value as indented JSON that is safe to print.

    Characters that a terminal obeys or hides are escapes, and so is what a server of continuous integration takes for a
    command anywhere in a line (see style.visible): read back, both are what they were.
    """
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:  # names of files that are no UTF-8
        encoded = msgspec.json.encode(_as_utf8(msgspec.to_builtins(value)))
    text = msgspec.json.format(encoded, indent=2).decode()
    if "##" in text:
        text = text.replace("##", "#\\u0023")
    return text if text.isascii() and "\x7f" not in text else _HIDDEN.sub(_escape, text)


def _as_utf8(value: Any) -> Any:
    """The value with `\\udcff` spelt out for bytes that no text can hold."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_as_utf8(key): _as_utf8(each) for key, each in value.items()}
    return [_as_utf8(each) for each in value] if isinstance(value, list) else value


def _escape(found: re.Match[str]) -> str:
    """What JSON writes for characters that cannot be printed."""
    units = "" if found[0].isprintable() else found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[each : each + 4]}" for each in range(0, len(units), 4)) or found[0]


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
