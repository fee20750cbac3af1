"""How far each namespace is on its way: not planned, in a wave of the recorded plan, or migrated; and what fails there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.model import Finding, Severity
from ambimigrate.report import Report
from ambimigrate.topology import injection
from ambimigrate.verdicts import namespace_of

Place = tuple[str, str]  # mesh, namespace
EVERY = ""  # in place of a mesh: whichever


class PlanError(Exception):
    """A recorded plan that cannot be read."""


class States(Struct, frozen=True):
    """The namespaces that the plan names (mesh `` is any), and those that are migrated."""

    planned: frozenset[Place] = frozenset()
    migrated: frozenset[Place] = frozenset()

    def is_migrated(self, mesh: str, namespace: str) -> bool:
        return (mesh, namespace) in self.migrated

    def is_planned(self, mesh: str, namespace: str) -> bool:
        return not self.planned.isdisjoint({(mesh, namespace), (EVERY, namespace)})

    def threshold(self, finding: Finding) -> Severity:
        """From which level on a finding fails: errors where somebody has begun, else only blockers.

        A finding about no namespace holds back all of them.
        """
        begun = any(self.is_migrated(*each) or self.is_planned(*each) for each in namespaces_of(finding))
        whole = not namespace_of(finding) and bool(self.planned or self.migrated)
        return Severity.error if begun or whole else Severity.blocker

    def said(self, finding: Finding) -> str:
        """The state of the finding's namespace in words."""
        places = tuple(namespaces_of(finding))
        if any(self.is_migrated(*each) for each in places):
            return f"{finding.severity.name} in a migrated namespace"
        if any(self.is_planned(*each) for each in places):
            return f"{finding.severity.name} in a namespace of the recorded plan"
        return f"{finding.severity.name}: this namespace could not move" if namespace_of(finding) else finding.severity.name


def namespaces_of(finding: Finding) -> Iterator[Place]:
    """Where a finding is: its namespace in each of its meshes."""
    for mesh in finding.meshes:
        yield mesh, namespace_of(finding)


def states(planned: Iterable[Place], is_declared: Callable[[str, str], bool], now: Report, before: Report | None) -> States:
    """The states; a namespace of the plan whose pods the base has in ambient mode has been migrated."""
    named, start = frozenset(planned), before or now
    every = {(mesh.name, name) for each in (now, start) for mesh in each.meshes for name in injection.namespaces(mesh)}
    declared = frozenset(each for each in every if is_declared(*each))
    at_first = ((mesh, name) for mesh in start.meshes for name in injection.namespaces(mesh))
    moved = (place for place in at_first if not named.isdisjoint({(place[0].name, place[1]), (EVERY, place[1])}))
    done = {(mesh.name, name) for mesh, name in moved if injection.mode(mesh, name) == injection.AMBIENT}
    return States(named, declared | done)


def of_plan(name: str, text: str) -> tuple[Place, ...]:
    """The namespaces of the waves of a recorded plan."""
    try:
        tree: Any = json.loads(text)
        waves = tree["waves"]
        return tuple((str(wave.get("mesh", EVERY)), str(each)) for wave in waves for each in wave["namespaces"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PlanError(f"{name}: is no plan of ambimigrate; record it again with `ambimigrate plan --record`") from None
