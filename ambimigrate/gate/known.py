"""What the base knows: its findings and problems, and which of the report's are the same, worse or new."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ambimigrate.model import Finding, Problem, Ref, Severity, spelt
from ambimigrate.report import Fixed, Report

NEW, WORSE, KNOWN = "new", "worse", "known"
Place = tuple[str, str, Ref, str]  # rule, case, object, field
_INDEX = re.compile(r"\[\d+\]")


class Known(Struct, frozen=True):
    """A finding of the base, by what is compared of it; `held` are the reasons for which convert cannot settle its object."""

    fingerprint: str
    id: str
    case: str
    severity: Severity
    object: Ref
    field: str = ""
    fails_open: bool = False
    meshes: int = 1
    services: int = 0
    suppressed: bool = False
    held: tuple[str, ...] = ()


class Base(Struct, frozen=True):
    """What a report is compared with: its name, its findings and problems, and its report where there is one."""

    name: str
    findings: tuple[Known, ...] = ()
    problems: tuple[Problem, ...] = ()
    report: Report | None = None


class States(Struct, frozen=True):
    """State and counterpart of each finding by fingerprint, and what of the base is gone."""

    states: Mapping[str, str]
    counterparts: Mapping[str, Known]
    fixed: tuple[Fixed, ...]


def of(report: Report, name: str) -> Base:
    """A report as a base."""
    return Base(name, tuple(known(each) for each in report.findings), report.problems, report)


def known(finding: Finding, held: tuple[str, ...] = ()) -> Known:
    """What of a finding is compared."""
    return Known(
        finding.fingerprint,
        finding.rule,
        finding.hit.case,
        finding.severity,
        finding.ref,
        spelt(finding.hit.position.route),
        finding.fails_open,
        len(finding.meshes),
        len(finding.hit.services),
        finding.suppressed is not None,
        held,
    )


def compared(findings: Iterable[Finding], base: Base) -> States:
    """The states of findings.

    A finding is the base's by its fingerprint, else by its place: an element without a name that somebody edited has
    another fingerprint, though the same rule still says the same about the same object. What was one finding in two meshes
    may be two in one each, and the other way round: so the meshes of a place count together.
    """
    every = tuple(findings)
    places = {each.fingerprint: _place(known(each)) for each in every}
    old = {each.fingerprint: _place(each) for each in base.findings}
    left = {each.fingerprint: each for each in base.findings}
    same = {each.fingerprint: left.pop(each.fingerprint) for each in every if each.fingerprint in left}
    edited: dict[Place, list[Known]] = defaultdict(list)
    for before in left.values():
        edited[old[before.fingerprint]].append(before)
    for finding in every:
        if finding.fingerprint not in same and (candidates := edited[places[finding.fingerprint]]):
            nearest = min(candidates, key=lambda each: (each.case != finding.hit.case, -each.severity))
            same[finding.fingerprint] = nearest
            candidates.remove(nearest)
            del left[nearest.fingerprint]
    spread = _Spread(every, places, base, old)
    for finding in every:
        if finding.fingerprint not in same and (before_it := spread.room(places[finding.fingerprint])):
            same[finding.fingerprint] = before_it
    states = {each.fingerprint: KNOWN if each.fingerprint in same else NEW for each in every}
    for finding in every:
        if finding.fingerprint in same and spread.is_worse(finding, same[finding.fingerprint]):
            states[finding.fingerprint] = WORSE
    gone = (each for each in left.values() if not spread.has_room_for(each))
    ordered = sorted(gone, key=lambda each: (each.id, each.object, each.fingerprint))
    return States(states, same, tuple(Fixed(each.fingerprint, each.id, each.object) for each in ordered))


class _Spread:
    """In how many meshes there are findings at each place, before and now."""

    def __init__(self, findings: Iterable[Finding], places: Mapping[str, Place], base: Base, old: Mapping[str, Place]) -> None:
        self.before, self.now = Counter[Place](), Counter[Place]()
        self.first: dict[Place, Known] = {}
        self.old = old
        for each in base.findings:
            place = old[each.fingerprint]
            self.before[place] += each.meshes
            self.first.setdefault(place, each)
        for finding in findings:
            self.now[places[finding.fingerprint]] += len(finding.meshes)

    def room(self, place: Place) -> Known | None:
        """The finding of the base that another one of its place is a part of, if there are no more meshes than before."""
        return self.first.get(place) if self.now[place] <= self.before[place] else None

    def has_room_for(self, before: Known) -> bool:
        """Whether a finding of the base lives on in another one of its place."""
        place = self.old[before.fingerprint]
        return self.now[place] >= self.before[place]

    def is_worse(self, finding: Finding, before: Known) -> bool:
        """Whether it is more severe, or about more meshes or Services than before."""
        place = self.old[before.fingerprint]
        spread = len(finding.meshes) > before.meshes and self.now[place] > self.before[place]
        return finding.severity > before.severity or spread or len(finding.hit.services) > before.services


def _place(finding: Known) -> Place:
    """Where a finding is once its fingerprint is lost: the same rule on the same field says the same, maybe for another reason.

    What fails open is not taken for anything but itself.
    """
    if finding.fails_open:
        return finding.id, finding.case, finding.object, finding.field
    return finding.id, "", finding.object, _INDEX.sub("[]", finding.field)


def problems(now: Iterable[Problem], base: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The problems that are new, and those that the base has too, also where their file has another name by now."""
    new, old = list(now), list(base)
    every = tuple(new)
    for key in (_in_file, _in_name, _in_line):
        for each in tuple(new):
            same = next((other for other in old if key(each) is not None and key(each) == key(other)), None)
            if same is not None:
                old.remove(same)
                new.remove(each)
    return tuple(new), tuple(each for each in every if each not in new)


def _in_file(problem: Problem) -> object:
    return problem.message, problem.file


def _in_name(problem: Problem) -> object:
    return problem.message, problem.file.rpartition("/")[2]


def _in_line(problem: Problem) -> object:
    return (problem.message, problem.line) if problem.line else None
