"""Warnings that only the end state brings, in words for the report: they hold nobody, but a scan of the result shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ambimigrate.changes import Change
from ambimigrate.holds.ends import End
from ambimigrate.model import Finding, Severity, grouped
from ambimigrate.topology.policies import listed
from ambimigrate.verdicts import namespace_of

_SHOWN = 3  # objects named for one rule
Takes = Callable[[str, str], bool]


def notes(ends: Mapping[str, End], findings: Iterable[Finding], left: Iterable[Change], takes: Takes) -> Iterator[str]:
    """One line for each rule and case, with the first of its messages; none for what a change names itself."""
    changes = tuple(left)
    known = {(mesh, _key(each)) for each in findings for mesh in each.meshes}
    moving = {(each.mesh, each.namespace) for each in changes}
    for name, end in ends.items():
        answered = {(id, place) for each in changes if each.mesh == name for id in each.because for place in each.sources}
        new = (
            each
            for each in end.findings
            if each.severity == Severity.warning
            and (name, _key(each)) not in known
            and ((name, namespace_of(each)) not in moving or takes(name, namespace_of(each)))
            and (each.rule, each.hit.position) not in answered
        )
        where = f" of {name}" if name else ""
        for (id, _), found in grouped(((each.rule, each.hit.case), each) for each in new).items():
            yield f"the scan of the end state{where} warns of {_refs(found)}: {id} {found[0].hit.message}."


def _key(finding: Finding) -> tuple[Any, ...]:
    return finding.rule, finding.hit.case, finding.ref


def _refs(found: tuple[Finding, ...]) -> str:
    names = tuple(dict.fromkeys(str(each.ref) for each in found))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}" if more else listed(names)
