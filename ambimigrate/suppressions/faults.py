"""What is wrong with suppressions: no reason, not understood, out of date, or nothing that they suppress."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from msgspec.structs import replace

from ambimigrate import catalogue
from ambimigrate.model import Finding, Hit
from ambimigrate.suppressions.ids import no_rule
from ambimigrate.suppressions.values import ANNOTATION, COMMENT, CONFIGURATION, Silence

UNCLEAR, OVER, IDLE = "CT020", "CT021", "CT022"


class Used(Protocol):
    """A suppression with how often it met a finding, by id."""

    silence: Silence
    found: Counter[str]


def found(
    uses: Iterable[Used], today: str, meshes: tuple[str, ...], *, is_whole: bool, off: frozenset[str]
) -> Iterator[Finding]:
    """The findings about suppressions; equal fingerprints get an ordinal."""
    seen: Counter[str] = Counter()
    for use in uses:
        for rule, case, message in _said(use, today, is_whole=is_whole, off=off):
            finding = _finding(rule, case, message, use.silence, meshes)
            seen[finding.fingerprint] += 1
            number = seen[finding.fingerprint]
            yield finding if number == 1 else replace(finding, fingerprint=_hashed(finding.fingerprint, str(number)))


def _said(use: Used, today: str, *, is_whole: bool, off: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """Rule, case and message of each fault; the first that holds, since the others follow from it."""
    silence = use.silence
    if silence.fault:
        yield UNCLEAR, "form", f"a suppression is not followed: {silence.fault}"
        return
    unknown = {id: why for id in silence.ids if (why := no_rule(id))}
    for why in unknown.values():
        yield UNCLEAR, "id", f"{silence.shown} is not followed: {why}"
    if not silence.because:
        met = _counted(sum(use.found.values()), "still counts", "still count")
        yield UNCLEAR, "reason", f"{silence.shown} gives no reason and does not count: {met}"
    elif silence.until and silence.until < today:
        met = _counted(sum(use.found.values()), "counts again", "count again")
        yield OVER, "default", f"{silence.shown} was good until {silence.until}: {met}"
    elif is_whole:
        for id in silence.ids:
            if not use.found[id] and id not in off and id not in unknown:
                yield IDLE, "default", f"{silence.shown} finds no {id} {_where(silence)}"


def _counted(number: int, one: str, more: str) -> str:
    if not number:
        return "there is nothing left for it to suppress"
    return f"1 finding {one}" if number == 1 else f"{number} findings {more}"


def _where(silence: Silence) -> str:
    if silence.by == COMMENT:
        return "in what it covers" if silence.areas else "since no field or object begins on its line or below it"
    if silence.by == ANNOTATION:
        return "of this object"
    scope = silence.scope
    parts = (("namespace ", scope.namespace), ("kind ", scope.kind), ("name ", scope.name), ("path ", scope.path))
    return (
        "with " + ", ".join(f"{what}{text}" for what, text in parts if text) if any(text for _, text in parts) else "anywhere"
    )


def _finding(rule: str, case: str, message: str, silence: Silence, meshes: tuple[str, ...]) -> Finding:
    said = catalogue.entry(rule).cases[case]
    plain = " ".join("".join(each if each.isprintable() else " " for each in message).split())
    where = silence.meshes if silence.by != CONFIGURATION else ()
    hit = Hit(silence.position, plain, case)
    print_ = _fingerprint(rule, case, silence, plain)
    return Finding(rule, said.level, said.fails_open, silence.subject, hit, said.fix, where or meshes, print_)


def _fingerprint(rule: str, case: str, silence: Silence, message: str) -> str:
    """What it is known by wherever its text moves."""
    scope = (silence.scope.namespace, silence.scope.kind, silence.scope.name, silence.scope.path)
    own = message if case in {"form", "id"} else ""
    return _hashed(rule, case, silence.by, *silence.subject, *silence.ids, *scope, *silence.anchor, own)


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
