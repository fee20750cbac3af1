"""The gate: a report against its base, namespace by namespace; what is new or worse, and which of it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Held
from ambimigrate.gate import back, known
from ambimigrate.gate.difference import changed
from ambimigrate.gate.known import KNOWN, Base
from ambimigrate.gate.states import States
from ambimigrate.model import Finding, Ref, Severity
from ambimigrate.report import Gate, Report

Said = Callable[[Finding], str]


def _nothing(_finding: Finding) -> str:
    """Nobody said from which level on a finding fails."""
    return ""


class Question(Struct, frozen=True):
    """What to judge by: the base, how far namespaces are, the fingerprints of what takes them back, and chosen levels.

    `said` gives the level from which on a finding fails, `never`, or nothing: then the state of its namespace decides.
    """

    base: Base = Base("nothing")
    states: States = States()
    back: frozenset[str] = frozenset()
    said: Said = _nothing
    remarks: tuple[str, ...] = ()


def judge(now: Report, question: Question) -> Report:
    """The report with what the gate decided; its problems are those that the base does not have."""
    found = known.compared(now.findings, question.base)
    fresh = tuple(each for each in now.findings if found.states[each.fingerprint] != KNOWN and not each.suppressed)
    failing = {each.fingerprint: why for each in fresh if (why := _why(each, question))}
    rest = tuple(each for each in fresh if each.fingerprint not in failing and not question.said(each))
    held = _held(rest, now, question, found)
    failing |= {each.fingerprint: _told(reason, each) for each, reason in held}
    new, old = known.problems(now.problems, question.base.problems)
    before = question.base.report
    gate = Gate(
        question.base.name,
        found.states,
        failing,
        () if new else found.fixed,  # what cannot be read any more is not fixed
        old,
        changed(fresh, found.states, now, before) if before else {},
        question.remarks,
        {each.fingerprint: reason.alternative for each, reason in held if reason.alternative},
    )
    return replace(now, problems=new, gate=gate)


def _why(finding: Finding, question: Question) -> str:
    """Why a finding fails by its severity, or since it leads back; empty if it does not."""
    said = question.said(finding)
    if said:
        fails = said != "never" and finding.severity >= Severity[said]
        return f"{finding.severity.name}, and everything from {said} on fails" if fails else ""
    if finding.fingerprint in question.back:
        return back.why(finding)
    return question.states.said(finding) if finding.severity >= question.states.threshold(finding) else ""


def _held(rest: tuple[Finding, ...], now: Report, question: Question, found: known.States) -> tuple[tuple[Finding, Held], ...]:
    """Of what is left, one finding for each object that convert could not settle: the one that says so, else the worst."""
    if not rest:
        return ()
    from ambimigrate.gate.settling import unsettled  # with all of convert, which a change without findings does without

    reasons = unsettled(rest, now, question.base.report, found.counterparts)
    worst: dict[Ref, Finding] = {}
    for finding in sorted(rest, key=lambda each: (_says_so(reasons, each), each.severity)):
        if finding.fingerprint in reasons:
            worst[finding.ref] = finding
    return tuple((each, reasons[each.fingerprint]) for each in worst.values())


def _says_so(reasons: Mapping[str, Held], finding: Finding) -> bool:
    return finding.fingerprint in reasons and finding.rule in reasons[finding.fingerprint].because


def _told(held: Held, finding: Finding) -> str:
    if finding.rule in held.because:
        return "convert does not settle it"
    return f"convert cannot settle it ({', '.join(held.because)}): {held.reason}"


def exit_code(report: Report) -> int:
    """2 for problems that the base does not have, 1 for a finding that fails, else 0."""
    if report.problems:
        return 2
    return int(bool(report.gate and report.gate.failing))


__all__ = ["Question", "exit_code", "judge"]
