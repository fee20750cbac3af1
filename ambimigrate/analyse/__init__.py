"""Meshes to findings: every rule on every object of its kinds, one entry for the same finding in several meshes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.analyse.prints import stable
from ambimigrate.analyse.rows import finding, parts, tasks, whole
from ambimigrate.checks import Rule, rules
from ambimigrate.model import Finding, Mesh, acquainted

__all__ = ["analyse", "combined", "finding", "stable", "whole"]


def analyse(meshes: Iterable[Mesh], only: Iterable[Rule] | None = None) -> tuple[Finding, ...]:
    """The findings of all rules (or of some), sorted by place, rule and message."""
    chosen = None if only is None else tuple(only)
    every = acquainted(meshes)
    return combined(each for mesh in every for each in _of_mesh(mesh, rules(mesh.kinds()) if chosen is None else chosen))


def _of_mesh(mesh: Mesh, among: tuple[Rule, ...]) -> Iterator[Finding]:
    return (row.finding for part in parts(mesh, tasks(mesh, among)) for row in part.rows)


def combined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of one or several meshes in their order: the same one in several meshes is one, equal prints are numbered."""
    found: dict[tuple[Any, ...], Finding] = {}
    for each in findings:
        _add(found, each)
    return _numbered(sorted(found.values(), key=lambda each: each.order))


def _add(found: dict[tuple[Any, ...], Finding], finding: Finding) -> None:
    """The same finding in several meshes is one, for all of them and for all Services that they name."""
    key = finding.rule, finding.hit.case, finding.ref, finding.hit.position, finding.hit.message
    known = found.get(key)
    if known is not None:
        services = tuple(dict.fromkeys((*known.hit.services, *finding.hit.services)))
        meshes = tuple(dict.fromkeys((*known.meshes, *finding.meshes)))
        finding = replace(known, meshes=meshes, hit=replace(known.hit, services=services))
    found[key] = finding


def _numbered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Equal fingerprints get an ordinal in file order."""
    seen: dict[str, int] = {}
    result = []
    for each in findings:
        number = seen[each.fingerprint] = seen.get(each.fingerprint, 0) + 1
        if number > 1:
            again = hashlib.sha256(f"{each.fingerprint}\0{number}".encode()).hexdigest()
            each = replace(each, fingerprint=again)
        result.append(each)
    return tuple(result)
