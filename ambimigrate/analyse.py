"""Meshes to findings: every rule on every object of its kinds, one entry for the same finding in several meshes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from ambimigrate import catalogue, workers
from ambimigrate.checks import Rule, rules
from ambimigrate.model import Finding, Hit, Mesh, Position, Ref, Resource, Route, acquainted, grouped

MANY = 6_000  # objects to look at; for fewer, processes cost more than they save


class Everywhere:
    """The origin of a finding about a mesh as a whole: it stands in no file."""

    file = ""

    def at(self, route: Route) -> Position:
        return Position("", None, None, route)


def whole(mesh: Mesh) -> Resource[Mesh]:
    """The mesh as the object of a finding that no other object carries."""
    return Resource(Ref("Mesh", "", "", mesh.name), mesh, Everywhere())


def analyse(meshes: Iterable[Mesh], only: Iterable[Rule] | None = None) -> tuple[Finding, ...]:
    """The findings of all rules (or of some), sorted by place, rule and message."""
    chosen = None if only is None else tuple(only)
    every = acquainted(meshes)
    return combined(each for mesh in every for each in _of_mesh(mesh, rules(mesh.kinds()) if chosen is None else chosen))


def combined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of one or several meshes in their order: the same one in several meshes is one, equal prints are numbered."""
    found: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        _add(found, finding)
    return _numbered(sorted(found.values(), key=lambda finding: finding.order))


def _of_mesh(mesh: Mesh, among: tuple[Rule, ...]) -> Iterator[Finding]:
    """Object by object, so that the text of each is composed once for all the rules that point into it."""
    about: dict[type, tuple[Rule, ...]] = grouped((kind, rule) for rule in among for kind in rule.kinds)
    subjects = [(each, about[kind]) for kind in about for each in ((whole(mesh),) if kind is Mesh else mesh.of(kind))]
    parts = workers.worth(len(subjects), MANY)
    jobs = [partial(_found, mesh, subjects[number::parts]) for number in range(parts)]
    yield from (finding for findings in (workers.spread(jobs) if parts > 1 else [jobs[0]()]) for finding in findings)


def _found(mesh: Mesh, subjects: list[tuple[Resource[Any], tuple[Rule, ...]]]) -> list[Finding]:
    hits = ((rule, resource, hit) for resource, some in subjects for rule in some for hit in rule.check(resource, mesh))
    made = (finding(rule.id, resource, hit, mesh) for rule, resource, hit in hits)
    return [each for each in made if each is not None]


def finding(rule: str, resource: Resource[Any], hit: Hit, mesh: Mesh) -> Finding | None:
    """A hit in its context; None if its case is not true for the target."""
    case = catalogue.entry(rule).case(hit.case, mesh.target.istio)
    if case is None:
        return None
    if not hit.message.isprintable() or "  " in hit.message:  # a name may hold line feeds, or be empty
        hit = replace(hit, message=" ".join("".join(c if c.isprintable() else " " for c in hit.message).split()))
    print_ = fingerprint(rule, resource, hit)
    return Finding(rule, case.level, case.fails_open, resource.ref, hit, case.fix, (mesh.name,), print_)


def _add(found: dict[tuple[Any, ...], Finding], finding: Finding) -> None:
    """The same finding in several meshes is one, for all of them and for all Services that they name."""
    key = finding.rule, finding.hit.case, finding.ref, finding.hit.position, finding.hit.message
    known = found.get(key)
    if known is not None:
        services = tuple(dict.fromkeys((*known.hit.services, *finding.hit.services)))
        meshes = tuple(dict.fromkeys((*known.meshes, *finding.meshes)))
        finding = replace(known, meshes=meshes, hit=replace(known.hit, services=services))
    found[key] = finding


def fingerprint(rule: str, resource: Resource[Any], hit: Hit) -> str:
    """What a finding is known by wherever its text moves: SHA-256 of rule, case, object and stable route."""
    ref = resource.ref
    parts = (rule, hit.case, ref.kind, ref.namespace, ref.name, *stable(resource.body, hit.position.route))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stable(body: Any, route: Route) -> Iterator[str]:
    """The route with list indexes replaced by the element's own name, or a hash of what it holds."""
    value = body
    for step in route:
        value = _step(value, step)
        if isinstance(step, str):
            yield step
        elif isinstance(name := _step(value, "name"), str) and name:
            yield f"[{name}]"
        else:
            yield f"[{hashlib.sha256(msgspec.json.encode(value, order='sorted')).hexdigest()[:12]}]"


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list | tuple) and step < len(value) else None
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, msgspec.Struct):
        for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            if name == step:
                return getattr(value, field)
    return None


def _numbered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Equal fingerprints get an ordinal in file order."""
    seen: dict[str, int] = {}
    result = []
    for finding in findings:
        number = seen[finding.fingerprint] = seen.get(finding.fingerprint, 0) + 1
        if number > 1:
            again = hashlib.sha256(f"{finding.fingerprint}\0{number}".encode()).hexdigest()
            finding = replace(finding, fingerprint=again)
        result.append(finding)
    return tuple(result)
