"""The baseline file: what the base knows as JSON, one finding a line, so that its history can be read as a diff."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ambimigrate import __version__, catalogue
from ambimigrate.gate.known import Base, Known, known
from ambimigrate.gate.states import States, namespaces_of
from ambimigrate.model import Problem, Ref, Severity
from ambimigrate.report import Report

SCHEMA = "ambimigrate.baseline/v1"
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


class BaselineError(Exception):
    """A baseline that cannot be read; the message says why and what to do."""


def dumped(base: Base) -> str:
    """The text of a baseline: sorted, one finding or problem a line."""
    findings = sorted(base.findings, key=lambda each: (each.id, each.object, each.field, each.fingerprint))
    rows = ",\n".join(_line(_row(each)) for each in findings)
    faults = ",\n".join(_line(each) for each in _problems(base.problems))
    head = f'{{\n  "schema": "{SCHEMA}",\n  "tool": {{"name": "ambimigrate", "version": "{__version__}"}}'
    return f'{head},\n  "problems": [{_framed(faults)}],\n  "findings": [{_framed(rows)}]\n}}\n'


def _framed(lines: str) -> str:
    return f"\n{lines}\n  " if lines else ""


def _line(row: Mapping[str, Any]) -> str:
    return "    " + json.dumps(row)


def _problems(problems: Iterable[Problem]) -> Iterator[dict[str, Any]]:
    for each in sorted(set(problems), key=lambda one: (one.file, one.line or 0, one.message)):
        yield {"message": each.message, "file": each.file, "line": each.line}


def _row(finding: Known) -> dict[str, Any]:
    row: dict[str, Any] = {
        "fingerprint": finding.fingerprint,
        "id": finding.id,
        "case": finding.case,
        "severity": finding.severity.name,
        "object": dict(zip(Ref._fields, finding.object, strict=True)),
        "field": finding.field,
        "meshes": finding.meshes,
        "services": finding.services,
    }
    more = {"fails_open": finding.fails_open, "suppressed": finding.suppressed, "held": list(finding.held)}
    return row | {key: value for key, value in more.items() if value}


def loaded(name: str, text: str) -> Base:
    """The base that a text holds; BaselineError names what is wrong with it."""
    again = "write it anew with `ambimigrate gate PATH --update-baseline`"
    if any(line.startswith(CONFLICT) for line in text.splitlines()):
        raise BaselineError(f"{name}: has merge conflict markers; {again}")
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise BaselineError(f"{name}: is no JSON; {again}") from None
    if faults := list(_faults(tree)):
        raise BaselineError(f"{name}: {faults[0]}; {again}")
    findings = tuple(_known(each) for each in tree["findings"])
    return Base(name, findings, tuple(Problem(**each) for each in tree.get("problems", ())))


def version(text: str) -> str:
    """The version of the tool that wrote a baseline."""
    return str(json.loads(text).get("tool", {}).get("version", ""))


def _faults(tree: Any) -> Iterator[str]:
    import jsonschema

    schema = json.loads((catalogue.folder() / "schemas" / "baseline.json").read_text(encoding="utf-8"))
    for error in jsonschema.Draft202012Validator(schema).iter_errors(tree):
        where = ".".join(str(step) for step in error.absolute_path)
        yield f"{where + ': ' if where else ''}{error.message[:200]}"


def _known(row: dict[str, Any]) -> Known:
    return msgspec.structs.replace(
        msgspec.convert({**row, "severity": int(Severity[row["severity"]]), "object": tuple(row["object"].values())}, Known),
        object=Ref(**row["object"]),
    )


def updated(now: Report, held: Mapping[str, tuple[str, ...]], old: Base | None, states: States) -> tuple[Base, int]:
    """The baseline of a report and how many findings it may not take in: what is gone drops out.

    Nothing is added for migrated namespaces, whose findings have to be settled instead.
    """
    before = {each.fingerprint for each in old.findings} if old else set()
    taken = []
    for finding in now.findings:
        if finding.fingerprint in before or not any(states.is_migrated(*each) for each in namespaces_of(finding)):
            taken.append(known(finding, held.get(finding.fingerprint, ())))
    return Base(old.name if old else "", tuple(taken), now.problems), len(now.findings) - len(taken)
