"""In which fields the object of a finding that got worse differs from the base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from ambimigrate.gate.known import WORSE
from ambimigrate.model import Finding, Ref
from ambimigrate.report import Report

_MOST = 5


def changed(
    findings: Iterable[Finding], states: Mapping[str, str], now: Report, before: Report
) -> Mapping[str, tuple[str, ...]]:
    """By fingerprint of each finding that got worse: `field: before -> now`, at most five of them."""
    worse = [each for each in findings if states[each.fingerprint] == WORSE]
    lines = ((each.fingerprint, tuple(islice(_lines(each.ref, each.meshes[0], now, before), _MOST))) for each in worse)
    return {fingerprint: said for fingerprint, said in lines if said}


def _lines(ref: Ref, mesh: str, now: Report, before: Report) -> Iterator[str]:
    old, new = _body(before, mesh, ref), _body(now, mesh, ref)
    if old is None or new is None or old == new:
        return
    from deepdiff import DeepDiff

    found = DeepDiff(old, new, view="tree")
    for items in found.values():
        for item in items:
            field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in item.path(output_format="list"))
            yield f"{field.removeprefix('.')}: {_shown(item.t1)} -> {_shown(item.t2)}"


def _body(report: Report, mesh: str, ref: Ref) -> Any:
    """The object as plain values, where there is exactly one of that name."""
    resources = [each for one in report.meshes if one.name == mesh for each in one.resources if each.ref == ref]
    return msgspec.to_builtins(resources[0].body) if len(resources) == 1 else None


def _shown(value: Any) -> str:
    if type(value).__name__ == "NotPresent":
        return "nothing"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
