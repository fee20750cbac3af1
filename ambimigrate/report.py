"""The report of a scan: findings, the standing of each namespace, and what was read, as one value."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.advice import Advice, advice
from ambimigrate.analyse import analyse
from ambimigrate.decode import Counts, Reading
from ambimigrate.model import Finding, Mesh, Problem, Severity, Target
from ambimigrate.outlook import Outlook, awaited, upgrade_path
from ambimigrate.verdicts import Standing, standings


class Report(Struct, frozen=True):
    """Everything that a renderer may show. It decides nothing any more."""

    target: Target
    meshes: tuple[Mesh, ...]
    source: str
    counts: Counts
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]
    namespaces: tuple[Standing, ...]
    notes: tuple[str, ...]
    advice: tuple[Advice, ...] = ()
    outlook: tuple[Outlook, ...] = ()
    objects: bool = False

    @property
    def summary(self) -> Counter[str]:
        """How many findings there are of each level; suppressed ones count only as such."""
        return Counter("suppressed" if each.suppressed else each.severity.name for each in self.findings)


def report(reading: Reading, *, strict: bool = False, objects: bool = False, outlook: bool = False) -> Report:
    """What a reading comes to."""
    findings = analyse(reading.meshes)
    problems = reading.problems
    if strict:
        problems += tuple(Problem("Helm template that was not rendered", file) for file in reading.counts.not_rendered)
    first = reading.meshes[0]
    found = awaited(reading.meshes, standings(reading.meshes, findings), findings)
    return Report(
        first.target,
        reading.meshes,
        first.source,
        reading.counts,
        problems,
        findings,
        found,
        reading.notes,
        advice(reading.meshes, found, findings),
        upgrade_path(reading.meshes) if outlook else (),
        objects,
    )


def joined(report: Report, problems: tuple[Problem, ...], notes: tuple[str, ...]) -> Report:
    """The report with what a later step found in the input."""
    return replace(report, problems=(*report.problems, *problems), notes=(*report.notes, *notes))


def exit_code(report: Report, threshold: Severity | None) -> int:
    """2 for problems in the input, 1 for an unsuppressed finding at or over the threshold, else 0."""
    if report.problems:
        return 2
    if threshold is None:
        return 0
    return int(any(each.severity >= threshold and not each.suppressed for each in report.findings))
