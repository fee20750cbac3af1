"""A conversion as versioned JSON: the contract for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from ambimigrate.changes import Change, Held, Note, Untouched
from ambimigrate.convert import Conversion
from ambimigrate.converters import elsewhere, shared
from ambimigrate.model import Position, spelt
from ambimigrate.render.encoding import dumped
from ambimigrate.render.heads import head, reference
from ambimigrate.report import Report

SCHEMA = "ambimigrate.convert/v1"


def render(made: Report, conversion: Conversion, places: Mapping[int, str], out: TextIO) -> None:
    """Writes one JSON object; `places` gives the file of each new object by the number of its change."""
    out.write(dumped(record(made, conversion, places)))


def record(made: Report, conversion: Conversion, places: Mapping[int, str]) -> dict[str, Any]:
    """The conversion as plain values."""
    return {
        **head(SCHEMA, made),
        "changes": [_change(each, places.get(number)) for number, each in enumerate(conversion.changes)],
        "held": [_held(each) for each in conversion.held],
        "untouched": [_untouched(each) for each in conversion.untouched],
    }


def _change(change: Change, place: str | None) -> dict[str, Any]:
    return {
        "action": change.verb,
        "object": reference(change.ref),
        "namespace": change.namespace,
        "mesh": change.mesh,
        "file": place or shared.files(change)[0],
        "stage": change.stage.name,
        "verdict": change.verdict,
        "since": change.since,
        "because": list(change.because),
        "witness": change.witness,
        "sources": [_position(each) for each in change.sources],
        "left_out": [_note(each) for each in change.notes],
        **({"command": line} if (line := elsewhere.command(change)) else {}),
    }


def _position(position: Position) -> dict[str, Any]:
    return {"file": position.file, "line": position.line}


def _note(note: Note) -> dict[str, Any]:
    return {**_position(note.position), "field": spelt(note.position.route), "reason": note.reason}


def _held(held: Held) -> dict[str, Any]:
    return {
        "object": reference(held.ref),
        "namespace": held.namespace,
        "mesh": held.mesh,
        "file": held.position.file,
        "line": held.position.line,
        "field": spelt(held.position.route),
        "reason": held.reason,
        "because": list(held.because),
        "witness": held.witness,
        "alternative": held.alternative,
    }


def _untouched(each: Untouched) -> dict[str, Any]:
    return {"object": reference(each.ref), "mesh": each.mesh, "file": each.file, "reason": each.reason}
