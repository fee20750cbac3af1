"""A report as the user wants to hear it: suppressed findings, rules that are off, and what is wrong with the suppressions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import catalogue
from ambimigrate.model import Finding, Severity, Suppression
from ambimigrate.report import Report
from ambimigrate.suppressions import faults
from ambimigrate.suppressions.globs import is_namespace
from ambimigrate.suppressions.levels import OFF, Levels, Relative, is_below
from ambimigrate.suppressions.values import ANNOTATION, COMMENT, Scope, Silence
from ambimigrate.verdicts import namespace_of


def _nowhere(_file: str) -> None:
    """Without a configuration no file lies below its folder."""


class Manner(Struct, frozen=True):
    """How to hear: the day it is, what is said of rules, and where the configuration lies.

    `is_whole` says that all was read that the suppressions are about, so that one that suppresses nothing can be told.
    """

    today: str  # ISO
    levels: Levels = Levels()
    relative: Relative = _nowhere
    is_whole: bool = True


class Use(Struct):
    """A suppression with the ids of which it suppressed something, or would if it still counted, and how often."""

    silence: Silence
    found: Counter[str]


def heed(report: Report, silences: Iterable[Silence], manner: Manner) -> Report:
    """The report with its findings suppressed and their severities as the configuration has them.

    Verdicts of namespaces stay: they say what stands in the way, whoever wants to hear it.
    """
    uses = [Use(each, Counter()) for each in silences]
    by_id = _by_id(each for each in uses if not each.silence.fault)
    findings = [_heard(each, by_id.get(each.rule, ()), manner) for each in report.findings]
    meshes = tuple(each.name for each in report.meshes)
    is_whole = manner.is_whole and not report.problems
    findings += faults.found(uses, manner.today, meshes, is_whole=is_whole, off=_off(manner.levels))
    off: Counter[str] = Counter()
    kept = list(_levelled(findings, manner, off))
    notes = (*report.notes, *_notes(off, manner.levels))
    return replace(report, findings=tuple(sorted(kept, key=lambda each: each.order)), notes=notes)


def _by_id(uses: Iterable[Use]) -> Mapping[str, list[Use]]:
    found: dict[str, list[Use]] = defaultdict(list)
    for each in uses:
        for id in each.silence.ids:
            found[id].append(each)
    return found


def _heard(finding: Finding, uses: Iterable[Use], manner: Manner) -> Finding:
    """The finding, suppressed by the first that covers it and counts."""
    first = None
    for use in uses:
        if finding.suppressed is None and covers(use.silence, finding, manner.relative):
            use.found[finding.rule] += 1
            if first is None and counts(use.silence, manner.today):
                first = use.silence
    if first is None:
        return finding
    return replace(finding, suppressed=Suppression(first.by, first.because, first.until or None, first.position))


def counts(silence: Silence, today: str) -> bool:
    """Whether it has a reason and is not out of date."""
    return bool(silence.because) and (not silence.until or today <= silence.until)


def covers(silence: Silence, finding: Finding, relative: Relative) -> bool:
    """Whether the finding is one of those that it means; an object that other meshes have too has to be meant in all."""
    if silence.by == COMMENT:
        return any(area.holds(finding.hit.position) for area in silence.areas)
    if silence.by == ANNOTATION:
        same = finding.ref == silence.subject and finding.hit.position.file == silence.position.file
        return same and set(finding.meshes) <= set(silence.meshes)
    return _is_in_scope(silence.scope, finding, relative)


def _is_in_scope(scope: Scope, finding: Finding, relative: Relative) -> bool:
    return (
        (not scope.kind or scope.kind == finding.ref.kind)
        and (not scope.name or is_namespace(scope.name, "", finding.ref.name))
        and (not scope.namespace or all(is_namespace(scope.namespace, mesh, namespace_of(finding)) for mesh in finding.meshes))
        and (not scope.path or is_below(scope.path, finding, relative))
    )


def _levelled(findings: Iterable[Finding], manner: Manner, off: Counter[str]) -> Iterator[Finding]:
    """The findings with the severities that the configuration gives them; those of rules that are off are counted."""
    for each in findings:
        said = manner.levels.of(each, manner.relative)
        if said == OFF:
            off[each.rule] += 1
        else:
            yield replace(each, severity=Severity[said]) if said else each


def _off(levels: Levels) -> frozenset[str]:
    """The rules that are off somewhere: there, nothing that suppresses them is amiss."""
    rules = (levels.rules, *(each.rules for each in levels.overrides))
    return frozenset(id for some in rules for id, said in some.items() if said == OFF)


def _notes(off: Counter[str], levels: Levels) -> Iterator[str]:
    if off:
        said = ", ".join(f"{number} of {id}" for id, number in sorted(off.items()))
        yield f"Left out, since .ambimigrate.yaml turns their rules off: {said}. Verdicts and holds know nothing of that."
    changed = {
        id for some in (levels.rules, *(each.rules for each in levels.overrides)) for id, said in some.items() if said != OFF
    }
    for id in sorted(changed):
        own = max(case.level for case in catalogue.entry(id).cases.values())
        yield f"{id} has its severity from .ambimigrate.yaml; verdicts and holds go by the catalogue's, up to {own.name}."
