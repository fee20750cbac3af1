"""What every JSON output begins with, and the small records that several of them hold."""

from __future__ import annotations

from typing import Any

from ambimigrate import __version__
from ambimigrate.model import Problem, Ref, Target
from ambimigrate.report import Report


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
