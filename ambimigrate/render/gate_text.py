"""The gate's verdict for people: what stops the change, then a line each for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ambimigrate import catalogue
from ambimigrate.model import Finding, Problem, Severity
from ambimigrate.render.style import Style, counted, visible, wrap
from ambimigrate.report import Fixed, Gate, Report

_MOST = 50  # findings shown in full
_FEW = 3  # places and objects named in a line


def lines(report: Report, style: Style, width: int) -> Iterator[str]:
    """The verdict without the problems that are new, which stand behind it as in every report."""
    gate = report.gate
    if gate is None:
        return
    failing = [each for each in report.findings if gate.fails(each)]
    worst = sorted(failing, key=lambda each: (not each.fails_open, -each.severity, each.order))
    for finding in worst[:_MOST]:
        yield from _finding(finding, gate, style, width)
    if len(worst) > _MOST:
        yield f"and {len(worst) - _MOST} more that stop this change; --format json lists all"
    if worst:
        yield ""
    for line in (*remarks(report, gate), *gate.remarks):
        yield from wrap(visible(line), width, subsequent_indent="  ")


def _finding(finding: Finding, gate: Gate, style: Style, width: int) -> Iterator[str]:
    level = f"{finding.severity.name}, fails open" if finding.fails_open else finding.severity.name
    title = catalogue.entry(finding.rule).title
    yield f"{gate.state(finding)}: {style.severity(finding.severity, level)} {finding.rule} {title}"
    position = finding.hit.position
    place = position.file + (f":{position.line}" if position.line else "")
    yield from wrap(visible(f"{finding.ref} ({place})" if place else str(finding.ref)), width, initial_indent="  ")
    said = (finding.hit.message, *gate.changed.get(finding.fingerprint, ()), f"stops this change: {why(finding, gate)}")
    for text in said:
        yield from wrap(visible(text), width, initial_indent="    ", subsequent_indent="      ")
    yield from wrap(visible(f"-> {gate.fix(finding)}"), width, initial_indent="    ", subsequent_indent="       ")


def why(finding: Finding, gate: Gate) -> str:
    return gate.failing[finding.fingerprint]


def paragraph(finding: Finding, gate: Gate | None) -> str:
    """What happens, why it fails if the gate says so, and what to do."""
    if gate is None:
        return f"{finding.hit.message}. {finding.fix}"
    fails = f"Fails: {why(finding, gate)}. " if gate.fails(finding) else ""
    return f"{finding.hit.message}. {fails}{gate.fix(finding)}"


def verdict(report: Report, gate: Gate) -> str:
    """The verdict in one line."""
    count = len(gate.failing)
    if count:
        return f"failed: {counted(count, 'finding')} {'stops' if count == 1 else 'stop'} this change (against {gate.base})"
    if report.problems:
        return f"not judged in full: {counted(len(report.problems), 'new problem')} in the input (against {gate.base})"
    return f"passed: nothing stops this change (against {gate.base})"


def remarks(report: Report, gate: Gate) -> Iterator[str]:
    """A line each: what is new and stops nothing, what the base has too, and what is better."""
    rest = [each for each in report.findings if gate.state(each) != "known" and not gate.fails(each)]
    if told := [each for each in rest if not each.suppressed]:
        yield f"New too, but stopping nothing here: {_levels(told)} ({_ids(told)})."
    if hushed := len(rest) - len(told):
        yield f"New and suppressed: {hushed}."
    if known := sum(1 for each in report.findings if gate.state(each) == "known"):
        yield f"As before: {counted(known, 'finding')} that the base has too."
    if gate.problems:
        what = f"{counted(len(gate.problems), 'problem')} in the input that the base has too ({_places(gate.problems)})"
        yield f"As before: {what}; whatever depends on that stays unknown."
    if gate.fixed:
        are = "is" if len(gate.fixed) == 1 else "are"
        yield f"Better: {counted(len(gate.fixed), 'finding')} of the base {are} gone: {_gone(gate.fixed)}. Well done!"


def _levels(findings: Iterable[Finding]) -> str:
    counts = Counter(each.severity for each in findings)
    return ", ".join(f"{counts[level]} {level.name}" for level in reversed(Severity) if counts[level])


def _ids(findings: Iterable[Finding]) -> str:
    return _some(sorted({each.rule for each in findings}), 8)


def _places(problems: Iterable[Problem]) -> str:
    return _some([each.file + (f":{each.line}" if each.line else "") for each in problems], _FEW)


def _gone(fixed: Iterable[Fixed]) -> str:
    return _some([f"{each.id} {each.object}" for each in fixed], _FEW)


def _some(names: Iterable[str], most: int) -> str:
    every = list(dict.fromkeys(names))
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
