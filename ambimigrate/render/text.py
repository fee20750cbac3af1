"""The report for people: the worst namespaces first, each finding with its place, what will happen and what to do."""

from __future__ import annotations

import shlex
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TextIO

from msgspec import Struct

from ambimigrate import catalogue
from ambimigrate.model import Finding, Severity, grouped
from ambimigrate.render import places
from ambimigrate.render.style import Style, counted, visible, wrap
from ambimigrate.report import Report
from ambimigrate.verdicts import Standing, namespace_of

_ORDER = ("wait", "needs-changes", "unknown", "needs-waypoint", "ready", "not-in-mesh")
SHOWN = 3  # of what was not seen of a namespace
CHARTS = 3  # whose command is shown
TEMPLATES = 10  # of those that were not rendered
NAMELESS = "(no namespace given)"
_SAYS = {
    "wait": "has to wait",
    "needs-changes": "needs changes",
    "unknown": "unknown",
    "needs-waypoint": "needs a waypoint",
    "ready": "ready",
    "not-in-mesh": "not in the mesh",
}


def render(report: Report, out: TextIO) -> None:
    """Writes the report, as wide as the terminal but at most 120 columns (100 into a pipe)."""
    style = Style.of(out)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120) if out.isatty() else 100
    if report.gate:
        for line in _gate(report, style, width):
            out.write(f"{line}\n")
        return
    page = _Page(style, width, several=len(report.meshes) > 1, all_meshes=tuple(mesh.name for mesh in report.meshes))
    for line in _lines(report, page):
        out.write(f"{line}\n")


def _gate(report: Report, style: Style, width: int) -> Iterator[str]:
    """The gate's verdict instead of the whole report."""
    from ambimigrate.render import gate_text

    yield from gate_text.lines(report, style, width)
    if report.problems:
        yield from _problems(report, style, width)
    if report.gate:
        yield from wrap(visible(gate_text.verdict(report, report.gate)), width)


class _Page(Struct, frozen=True):
    style: Style
    width: int
    several: bool
    all_meshes: tuple[str, ...]

    def wrapped(self, text: str, indent: str, hanging: str | None = None) -> Iterator[str]:
        following = indent if hanging is None else hanging
        yield from wrap(visible(text), self.width, initial_indent=indent, subsequent_indent=following)


def _lines(report: Report, page: _Page) -> Iterator[str]:
    standings: dict[str, list[Standing]] = defaultdict(list)
    for standing in report.namespaces:
        standings[standing.name].append(standing)
    findings: dict[str | None, list[Finding]] = defaultdict(list)
    hushed: set[str] = set()
    for finding in report.findings:
        name = namespace_of(finding)
        if finding.suppressed:
            hushed.add(name)
        else:
            findings[name if name in standings else None].append(finding)
    if findings[None]:
        yield page.style.bold("The mesh as a whole")
        yield from _findings(findings[None], page)
    quiet: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, members in sorted(standings.items(), key=lambda item: (_worst(item[1]), item[0])):
        if findings[name] or any(each.waypoint for each in members):
            yield from _section(name, members, findings[name], page)
        else:
            found = "all that was found is suppressed" if name in hushed else "nothing found"
            missing = dict.fromkeys(kind for each in members for kind in each.not_seen)
            found += f" (not read: {', '.join(missing)})" if missing else ""
            quiet[members[0].verdict, found].append(visible(name) or NAMELESS)
    for (verdict, found), names in sorted(quiet.items(), key=lambda item: (_ORDER.index(item[0][0]), item[0][1])):
        yield from page.wrapped(f"{_SAYS[verdict].capitalize()}, {found}: {', '.join(names)}", "")
        yield ""
    yield from _advice(report, page)
    yield from _outlook(report, page)
    yield from _problems(report, page.style, page.width)
    yield from _closing(report, page.style, page.width)


def _worst(members: Iterable[Standing]) -> int:
    return min(_ORDER.index(each.verdict) for each in members)


def _section(name: str, members: list[Standing], findings: list[Finding], page: _Page) -> Iterator[str]:
    said = grouped(((_stand(each, page), each.not_seen, each.waypoint), each.mesh) for each in members)
    label = page.style.bold(visible(name) or NAMELESS)
    for (stand, not_seen, need), meshes in said.items():
        where = f" [{', '.join(meshes)}]" if page.several and len(meshes) < len(page.all_meshes) else ""
        yield f"{label}{where}  {stand}"
        if not_seen:
            more = f" and {len(not_seen) - SHOWN} more" if len(not_seen) > SHOWN else ""
            yield from page.wrapped(f"not seen: {', '.join(not_seen[:SHOWN])}{more}", "  ", "    ")
        if need:
            yield from page.wrapped(f"waypoint for {', '.join(need.services)}: {', '.join(need.because)}", "  ", "    ")
    yield from _findings(findings, page)


def _stand(standing: Standing, page: _Page) -> str:
    mode = "taken for sidecar, its Namespace object was not read" if standing.assumed else standing.mode
    wait = f" for {standing.wait_for}" if standing.wait_for else ""
    bound = " (waypoint bound)" if standing.waypoint and not standing.unbound else ""
    return f"{mode}: {page.style.verdict(standing.verdict, _SAYS[standing.verdict])}{wait}{bound}"


def _findings(findings: Iterable[Finding], page: _Page) -> Iterator[str]:
    """Findings of one rule and case together: what is wrong, each place, what to do."""
    ordered = sorted(findings, key=lambda each: (not each.fails_open, -each.severity, each.rule, each.hit.case))
    for (rule, _, severity, fails_open, fix), members in grouped((_case(each), each) for each in ordered).items():
        level = f"{severity.name}, fails open" if fails_open else severity.name
        yield f"  {page.style.severity(severity, level)} {rule} {catalogue.entry(rule).title}"
        for finding in sorted(members, key=lambda each: each.order):
            yield from _place(finding, page)
        yield from page.wrapped(f"-> {fix}", "    ", "       ")
    yield ""


def _case(finding: Finding) -> tuple[str, str, Severity, bool, str]:
    return finding.rule, finding.hit.case, finding.severity, finding.fails_open, finding.fix


def _place(finding: Finding, page: _Page) -> Iterator[str]:
    position = finding.hit.position
    place = position.file + (f":{position.line}" if position.line else "")
    where = f" [{', '.join(finding.meshes)}]" if page.several and len(finding.meshes) < len(page.all_meshes) else ""
    yield f"    {visible(str(finding.ref))}{where}"
    if place:
        yield f"      {page.style.dim(visible(place))}"
    yield from page.wrapped(finding.hit.message, "      ")


def _advice(report: Report, page: _Page) -> Iterator[str]:
    for each in report.advice:
        because = f" ({', '.join(each.because)})" if each.because else ""
        yield from page.wrapped(f"{each.situation}: {each.recommendation}{because}", "", "  ")
    if report.advice:
        yield ""


def _outlook(report: Report, page: _Page) -> Iterator[str]:
    """The verdict of each namespace by version, a line each time it changes."""
    before: dict[tuple[str, str], str] = {}
    for each in report.outlook:
        now = {(one.mesh, one.name): one.verdict for one in each.standings}
        changed = [key for key, verdict in now.items() if before.get(key, verdict) != verdict]
        if not before:
            yield page.style.bold(f"On Istio {each.version} as above; on later versions:")
        elif changed:
            said = ", ".join(f"{name or NAMELESS} {_SAYS[now[mesh, name]]}" for mesh, name in changed)
            yield from page.wrapped(f"{each.version}: {said}", "  ", "    ")
        else:
            yield f"  {each.version}: no other verdict"
        before = now
    if report.outlook:
        yield ""


def problems(report: Report, out: TextIO, width: int) -> Iterator[str]:
    """What of the input could not be read, and what was not rendered."""
    yield from _problems(report, Style.of(out), width)


def _problems(report: Report, style: Style, width: int) -> Iterator[str]:
    if report.problems:
        yield style.severity(
            Severity.error, f"{counted(len(report.problems), 'problem')} in the input: what depends on it is unknown"
        )
        for message, same in grouped((each.message, each) for each in report.problems).items():
            places = [each.file + (f":{each.line}" if each.line else "") for each in same]
            more = f" and {counted(len(places) - SHOWN, 'more place')}" if len(places) > SHOWN else ""
            place = ", ".join(places[:SHOWN]) + more
            text = f"{place}: {message}" if place else message
            yield from wrap(visible(text), width, initial_indent="  ", subsequent_indent="    ")
        yield ""
    files = report.counts.not_rendered
    if files:
        yield f"Not rendered, hence not read: {counted(len(files), 'Helm template')}"
        yield from (f"  {visible(file)}" for file in files[:TEMPLATES])
        if len(files) > TEMPLATES:
            yield f"  and {len(files) - TEMPLATES} more; --format json lists all"
        yield from (f"  {visible(command)}" for command in _piped(files))
        yield ""


def _piped(files: Iterable[str]) -> Iterator[str]:
    """The commands that render the charts and read what they make."""
    charts = places.charts(files)
    for folder in [shlex.quote(name) for name in charts][:CHARTS] or ["…"]:
        yield f"helm template {folder} | ambimigrate scan -"
    if len(charts) > CHARTS:
        yield f"and {counted(len(charts) - CHARTS, 'more chart')}"


def _closing(report: Report, style: Style, width: int) -> Iterator[str]:
    for note in report.notes:
        yield from wrap(visible(note), width)
    counts = report.counts
    objects = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.objects.items()))
    read = f"{counted(counts.files, 'file')}, {counted(counts.documents, 'document')}"
    if report.source == "cluster":
        read = counted(sum(counts.objects.values()), "object")
    yield from wrap(f"Read {read}: {objects or 'no object of a kind that matters here'}.", width)
    if counts.skipped:
        skipped = ", ".join(f"{reason} ({number})" for reason, number in sorted(counts.skipped.items()))
        yield from wrap(f"Passed over: {skipped}.", width)
    yield f"For Istio {report.target.istio}, Gateway API {report.target.gateway_api} ({report.target.channel})."
    if said := suppressed(report.findings):
        yield from wrap(said, width)
    summary = report.summary
    levels = [f"{summary[level.name]} {level.name}" for level in reversed(Severity) if summary[level.name]]
    yield style.bold(", ".join(levels) or ("nothing found" if counts.objects else "nothing was read"))


def suppressed(findings: Iterable[Finding]) -> str:
    """How many findings are suppressed, and by which means; empty if none is."""
    means = Counter(each.suppressed.by for each in findings if each.suppressed)
    if not means:
        return ""
    said = ", ".join(f"{number} by {by}" for by, number in sorted(means.items()))
    return f"{counted(sum(means.values()), 'finding')} suppressed ({said}); --format json lists them with their reasons."
