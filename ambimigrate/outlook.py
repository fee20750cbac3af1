"""Which later version of Istio ends the waiting of a namespace, and what each version would say of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import catalogue
from ambimigrate.analyse import analyse
from ambimigrate.checks import Rule, rules
from ambimigrate.model import Finding, Mesh, Severity
from ambimigrate.verdicts import Standing, namespace_of, scope_of, standings
from ambimigrate.versions import NEWEST_PATCHES, Version

LATER = tuple(Version(*line, patch) for line, patch in NEWEST_PATCHES.items())


def awaited(meshes: tuple[Mesh, ...], found: Iterable[Standing], findings: tuple[Finding, ...]) -> tuple[Standing, ...]:
    """The standings with `wait_for` where the verdict is `wait`: a version that lifts every blocker, or an upstream issue."""
    by_mesh = {mesh.name: mesh for mesh in meshes}
    waiting = [each for each in found if each.verdict == "wait"]
    if not waiting:
        return tuple(found)
    ends, issues = _ends(meshes, findings), _issues(findings)
    return tuple(
        replace(each, wait_for=_wait_for(each, by_mesh[each.mesh], ends, issues)) if each.verdict == "wait" else each
        for each in found
    )


def _ends(meshes: tuple[Mesh, ...], findings: tuple[Finding, ...]) -> Mapping[tuple[str, Version], frozenset[str]]:
    """For each mesh and later version the namespaces (`*`: all) that some blocker of today's rules still holds."""
    ids = {each.rule for each in findings if each.severity is Severity.blocker}
    blocking = [rule for rule in rules() if rule.id in ids]
    held: dict[tuple[str, Version], frozenset[str]] = {}
    for mesh in meshes:
        for version in LATER:
            if version > mesh.target.istio:
                held[mesh.name, version] = frozenset(_held(_at(mesh, version), blocking))
    return held


def _held(mesh: Mesh, blocking: list[Rule]) -> Iterable[str]:
    for finding in analyse((mesh,), only=blocking):
        if finding.severity is Severity.blocker:
            yield "*" if scope_of(finding, mesh) == "mesh" else namespace_of(finding)


def _at(mesh: Mesh, version: Version) -> Mesh:
    return replace(mesh, target=replace(mesh.target, istio=version), _memo={})


def _wait_for(
    standing: Standing, mesh: Mesh, ends: Mapping[tuple[str, Version], frozenset[str]], issues: Mapping[str, str]
) -> str | None:
    for version in LATER:
        held = ends.get((mesh.name, version))
        if held is not None and standing.name not in held and "*" not in held:
            return str(version)
    return issues.get(standing.name) or issues.get("*")


def _issues(findings: tuple[Finding, ...]) -> Mapping[str, str]:
    """For each namespace (`*`: all) the first upstream issue that one of its blockers names."""
    found: dict[str, str] = {}
    for each in findings:
        case = catalogue.entry(each.rule).cases[each.hit.case]
        if each.severity is Severity.blocker and case.issue:
            found.setdefault("*" if case.holds == "mesh" else namespace_of(each), case.issue)
    return found


class Outlook(Struct, frozen=True):
    """The verdict of every namespace on one version."""

    version: Version
    standings: tuple[Standing, ...]


def upgrade_path(meshes: tuple[Mesh, ...]) -> tuple[Outlook, ...]:
    """The verdicts on the target and on the newest patch of every later line."""
    first = meshes[0].target.istio
    versions = (first, *(version for version in LATER if version > first))
    return tuple(_outlook(meshes, version) for version in versions)


def _outlook(meshes: tuple[Mesh, ...], version: Version) -> Outlook:
    there = tuple(_at(mesh, version) for mesh in meshes)
    return Outlook(version, standings(there, analyse(there)))
