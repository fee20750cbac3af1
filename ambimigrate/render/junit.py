"""The report as JUnit's XML as the common CI servers read it: a suite per namespace, a case per finding."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TextIO
from xml.etree import ElementTree

from ambimigrate.model import Finding, Problem, Severity
from ambimigrate.render import places
from ambimigrate.render.style import visible
from ambimigrate.report import Gate, Report
from ambimigrate.verdicts import namespace_of

_FAILS = Severity.warning  # what is below passes, with its message as output


def render(report: Report, out: TextIO) -> None:
    """Writes the suites."""
    suites = ElementTree.Element("testsuites", name="ambimigrate")
    if report.problems:
        _problems(suites, report.problems)
    gate = report.gate
    shown = (each for each in report.findings if gate is None or gate.state(each) != "known")  # of the gate's what is new
    ordered = sorted(shown, key=lambda each: (namespace_of(each), each.hit.position.order, each.rule))
    for namespace, members in groupby(ordered, key=namespace_of):
        _suite(suites, namespace or "(no namespace)", list(members), gate)
    if not len(suites):
        _add(suites, "ambimigrate", 1)
        ElementTree.SubElement(suites[0], "testcase", classname="ambimigrate", name="nothing new" if gate else "nothing found")
    ElementTree.indent(suites)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(ElementTree.tostring(suites, encoding="unicode") + "\n")


def _add(suites: ElementTree.Element, name: str, tests: int, **more: int) -> None:
    """A suite with its numbers: failures, errors, skipped."""
    numbers = {"failures": 0, "errors": 0, "skipped": 0, **more, "tests": tests}
    attributes = {key: str(each) for key, each in numbers.items()}
    ElementTree.SubElement(suites, "testsuite", {"name": visible(name), **attributes})


def _fails(finding: Finding, gate: Gate | None) -> bool:
    """Whether it is a failure: for the gate if it stops the change, else by its severity."""
    return not finding.suppressed and (gate.fails(finding) if gate else finding.severity >= _FAILS)


def _suite(suites: ElementTree.Element, name: str, members: list[Finding], gate: Gate | None) -> None:
    skipped = sum(1 for each in members if each.suppressed)
    failures = sum(1 for each in members if _fails(each, gate))
    _add(suites, name, len(members), failures=failures, skipped=skipped)
    for finding in members:
        _case(suites[-1], finding, gate)


def _case(suite: ElementTree.Element, finding: Finding, gate: Gate | None) -> None:
    position = finding.hit.position
    place = places.path(position.file) + (f":{position.line}" if position.line else "")
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=visible(f"{finding.rule}.{finding.ref.namespace or finding.ref.kind}"),
        name=visible(f"{finding.rule} {finding.ref} ({place})"),
        file=visible(places.path(position.file)),
    )
    why = f" Fails: {gate.failing[finding.fingerprint]}." if gate and gate.fails(finding) else ""
    text = visible(f"{finding.hit.message}. {gate.fix(finding) if gate else finding.fix}{why}")
    if finding.suppressed:
        ElementTree.SubElement(case, "skipped", message=visible(finding.suppressed.reason or "suppressed"))
    elif _fails(finding, gate):
        failure = ElementTree.SubElement(case, "failure", type=finding.severity.name, message=visible(finding.hit.message))
        failure.text = f"{visible(place)}\n{text}"
    else:
        ElementTree.SubElement(case, "system-out").text = text


def _problems(suites: ElementTree.Element, problems: Iterable[Problem]) -> None:
    problems = tuple(problems)
    _add(suites, "input", len(problems), errors=len(problems))
    for problem in problems:
        place = places.path(problem.file) + (f":{problem.line}" if problem.line else "")
        case = ElementTree.SubElement(suites[-1], "testcase", classname="input", name=visible(place or "input"))
        ElementTree.SubElement(case, "error", type="problem", message=visible(problem.message))
