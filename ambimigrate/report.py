"""The report of a scan: findings, the standing of each namespace, and what was read, as one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.advice import Advice, advice
from ambimigrate.analyse import analyse
from ambimigrate.decode import Counts, Reading
from ambimigrate.model import Finding, Mesh, Problem, Ref, Severity, Target
from ambimigrate.outlook import Outlook, awaited, upgrade_path
from ambimigrate.verdicts import Standing, standings

Check = Callable[[tuple[Mesh, ...]], tuple[Finding, ...]]


class Fixed(Struct, frozen=True):
    """A finding that the base has and the report no longer."""

    fingerprint: str
    id: str
    object: Ref


class Gate(Struct, frozen=True):
    """What the gate decided: each finding's state by fingerprint, which of them fail and why, and what is gone.

    `problems` are those that the base has too; `changed` says in which fields the object of a worse finding differs;
    `remarks` are sentences for the person who reads the verdict.
    """

    base: str
    states: Mapping[str, str]  # fingerprint -> new | worse | known
    failing: Mapping[str, str]  # fingerprint -> why
    fixed: tuple[Fixed, ...] = ()
    problems: tuple[Problem, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    fixes: Mapping[str, str] = field(default_factory=dict)  # fingerprint -> what to do, where another reason is why it fails

    def fix(self, finding: Finding) -> str:
        """What to do about a finding."""
        return self.fixes.get(finding.fingerprint, finding.fix)

    def state(self, finding: Finding) -> str:
        """new, worse or known."""
        return self.states.get(finding.fingerprint, "new")

    def fails(self, finding: Finding) -> bool:
        return finding.fingerprint in self.failing


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
    gate: Gate | None = None

    @property
    def summary(self) -> Counter[str]:
        """How many findings there are of each level; suppressed ones count only as such."""
        return Counter("suppressed" if each.suppressed else each.severity.name for each in self.findings)


def report(
    reading: Reading, *, strict: bool = False, objects: bool = False, outlook: bool = False, check: Check = analyse
) -> Report:
    """What a reading comes to; `check` finds what is wrong in meshes."""
    findings = check(reading.meshes)
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


def exit_code(report: Report, threshold: Callable[[Finding], Severity | None]) -> int:
    """2 for problems in the input, 1 for an unsuppressed finding at or over its threshold (None: never), else 0."""
    if report.problems:
        return 2
    found = ((each.severity, threshold(each)) for each in report.findings if not each.suppressed)
    return int(any(limit is not None and severity >= limit for severity, limit in found))
