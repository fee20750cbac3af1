"""The report for people: the worst namespaces first, each finding with its place, what will happen and what to do."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TextIO

from ambimigrate.model import Finding, Severity
from ambimigrate.render.style import Style, counted, visible
from ambimigrate.report import Report
from ambimigrate.verdicts import Standing, namespace_of

_ORDER = ("wait", "needs-changes", "unknown", "needs-waypoint", "ready", "not-in-mesh")
_SAYS = {
    "wait": "has to wait",
    "needs-changes": "needs changes",
    "unknown": "unknown",
    "needs-waypoint": "needs a waypoint",
    "ready": "ready",
    "not-in-mesh": "not in the mesh",
}


def render(report: Report, out: TextIO) -> None:
    """Writes the report, at most as wide as the terminal (100 columns into a pipe)."""
    style = Style.of(out)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120) if out.isatty() else 100
    for line in _lines(report, style, width):
        out.write(f"{line}\n")


def _lines(report: Report, style: Style, width: int) -> Iterator[str]:
    by_namespace: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    elsewhere: list[Finding] = []
    names = {(each.mesh, each.name) for each in report.namespaces}
    for finding in report.findings:
        key = finding.meshes[0], namespace_of(finding)
        (by_namespace[key] if key in names else elsewhere).append(finding)
    if elsewhere:
        yield style.bold("The mesh as a whole")
        yield from _findings(elsewhere, style, width)
    several = len(report.meshes) > 1
    quiet: dict[str, list[str]] = defaultdict(list)
    for standing in sorted(report.namespaces, key=lambda each: (_ORDER.index(each.verdict), each.mesh, each.name)):
        findings = by_namespace.get((standing.mesh, standing.name), [])
        label = _label(standing, several)
        if findings or standing.waypoint:
            yield from _section(standing, label, findings, style, width)
        else:
            quiet[standing.verdict].append(label)
    for verdict, labels in sorted(quiet.items(), key=lambda item: _ORDER.index(item[0])):
        yield from wrap(f"{_SAYS[verdict].capitalize()}, nothing found: {', '.join(labels)}", width)
        yield ""
    yield from _problems(report, style, width)
    yield from _closing(report, style, width)


def _label(standing: Standing, several: bool) -> str:
    name = visible(standing.name) or "(no namespace given)"
    return f"{name} [{standing.mesh}]" if several else name


def _section(standing: Standing, label: str, findings: list[Finding], style: Style, width: int) -> Iterator[str]:
    mode = "taken for sidecar, its Namespace object was not read" if standing.assumed else standing.mode
    yield f"{style.bold(label)}  {mode}: {style.verdict(standing.verdict, _SAYS[standing.verdict])}"
    if standing.not_seen:
        yield f"  not seen: {', '.join(standing.not_seen)}"
    if standing.waypoint:
        bound = "" if standing.unbound else " (bound)"
        text = f"waypoint for {', '.join(standing.waypoint.services)}{bound}: {', '.join(standing.waypoint.because)}"
        yield from wrap(visible(text), width, initial_indent="  ", subsequent_indent="    ")
    yield from _findings(findings, style, width)


def _findings(findings: Iterable[Finding], style: Style, width: int) -> Iterator[str]:
    for finding in sorted(findings, key=lambda each: (not each.fails_open, -each.severity, each.order)):
        position = finding.hit.position
        place = position.file + (f":{position.line}" if position.line else "")
        fails_open = " fails open" if finding.fails_open else ""
        yield f"  {style.severity(finding.severity, finding.severity.name + fails_open)} {finding.rule} {visible(str(finding.ref))}"
        if place:
            yield f"    {style.dim(visible(place))}"
        yield from wrap(visible(finding.hit.message), width, initial_indent="    ", subsequent_indent="    ")
        yield from wrap(f"-> {visible(finding.fix)}", width, initial_indent="    ", subsequent_indent="       ")
    yield ""


def _problems(report: Report, style: Style, width: int) -> Iterator[str]:
    if report.problems:
        yield style.severity(Severity.error, f"{counted(len(report.problems), 'problem')} in the input: what depends on it is unknown")
        for problem in report.problems:
            place = problem.file + (f":{problem.line}" if problem.line else "")
            text = f"{place}: {problem.message}" if place else problem.message
            yield from wrap(visible(text), width, initial_indent="  ", subsequent_indent="    ")
        yield ""
    for number, file in enumerate(report.counts.not_rendered):
        if not number:
            yield f"Not rendered, hence not read: {counted(len(report.counts.not_rendered), 'Helm template')}"
        if number < 10:
            yield f"  {visible(file)}"
    if report.counts.not_rendered:
        yield "  helm template … | ambimigrate scan -     reads what they make"
        yield ""


def _closing(report: Report, style: Style, width: int) -> Iterator[str]:
    for note in report.notes:
        yield from wrap(visible(note), width)
    counts = report.counts
    objects = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.objects.items()))
    read = f"{counted(counts.files, 'file')}, {counted(counts.documents, 'document')}"
    yield from wrap(f"Read {read}: {objects or 'no object of a kind that matters here'}.", width)
    if counts.skipped:
        skipped = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.skipped.items()))
        yield from wrap(f"Passed over: {skipped}.", width)
    yield f"For Istio {report.target.istio}, Gateway API {report.target.gateway_api} ({report.target.channel})."
    summary = report.summary
    levels = [f"{summary[level.name]} {level.name}" for level in reversed(Severity) if summary[level.name]]
    yield style.bold(", ".join(levels) or "nothing found")
