"""Who owns what of a plan: by the rules of a CODEOWNERS file, or by a label or annotation of namespaces and objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Create
from ambimigrate.converters import shared
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.plan.values import HeldBack, Plan, Step, Wave
from ambimigrate.topology import injection

NOBODY = "(no owner)"
Owners = Callable[[Resource[Any]], tuple[str, ...]]


class Part(Struct, frozen=True):
    """What one step changes of an owner's: the wave, the step, and the owner's files in it."""

    wave: Wave
    step: Step
    files: tuple[str, ...]


class Owned(Struct, frozen=True):
    """An owner with the namespaces (mesh, name, and the wave that moves it, None if held), steps and held namespaces."""

    owner: str
    namespaces: tuple[tuple[str, str, int | None], ...]
    parts: tuple[Part, ...]
    held: tuple[HeldBack, ...]


class Rule(Struct, frozen=True):
    """A line of a CODEOWNERS file; of each section the last rule that matches counts."""

    section: str
    pattern: str
    owners: tuple[str, ...]


def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a CODEOWNERS file of GitHub or GitLab."""
    return tuple(_rules(text))


def _rules(text: str) -> Iterator[Rule]:
    section, default = "", ()
    for line in text.splitlines():
        words = tuple(re.split(r"(?<!\\)\s+", line.partition(" #")[0].strip()))
        if found := re.match(r"\^?\[([^\]]+)\](\[\d+\])?\s*(.*)", line.strip()):
            section, default = found[1].lower(), tuple(found[3].split())
        elif words[0] and not words[0].startswith("#"):
            yield Rule(section, words[0].replace("\\ ", " ").replace("\\#", "#"), words[1:] or default)


def of_file(found: Iterable[Rule], file: str) -> tuple[str, ...]:
    """The owners of a file by its path below the root of the repository."""
    last: dict[str, tuple[str, ...]] = {}
    for rule in found:
        if _compiled(rule.pattern).match(file):
            last[rule.section] = rule.owners
    return tuple(dict.fromkeys(owner for owners in last.values() for owner in owners))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """As .gitignore has it, but for `a/*`, which means the files of one folder only (GitHub, About code owners)."""
    inner = pattern.strip("/")
    start = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    body = "".join(_STEPS.get(each, re.escape(each)) for each in re.split(r"(\*\*/|\*\*|\*|\?)", inner))
    end = "/.*" if pattern.endswith("/") else "" if pattern.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{start}{body}{end}$")


_STEPS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "": ""}


def by_file(found: tuple[Rule, ...], below: Callable[[str], str]) -> Owners:
    """Owners by the files of objects; `below` gives a file's path below the root of the repository."""
    return lambda resource: of_file(found, below(resource.file))


def by_label(meshes: Iterable[Mesh], name: str) -> Owners:
    """Owners by a label or annotation of the object, else of its namespace."""
    spaces = {id(resource): mesh for mesh in meshes for resource in mesh.resources}  # an object does not know its mesh

    def owners(resource: Resource[Any]) -> tuple[str, ...]:
        mesh = spaces.get(id(resource))
        space = injection.namespaces(mesh).get(resource.namespace) if mesh is not None and resource.namespace else None
        for each in (resource, space):
            if each is not None and (value := _value(each, name)):
                return (value,)
        return ()

    return owners


def _value(resource: Resource[Any], name: str) -> str:
    metadata = resource.body.metadata
    return metadata.labels.get(name) or metadata.annotations.get(name) or ""


def owned(plan: Plan, meshes: Iterable[Mesh], owners: Owners) -> tuple[Owned, ...]:
    """The plan by owners, in order of their names; what nobody owns comes last."""
    spaces = {(mesh.name, name): who for mesh in meshes for name, who in _spaces(mesh, owners).items()}
    waves = {(wave.mesh, name): wave.number for wave in plan.waves for name in wave.namespaces}
    left = {(each.mesh, each.namespace): each for each in plan.held}
    parts = list(_parts(plan, owners))
    names = {who for place in (*waves, *left) for who in spaces.get(place, (NOBODY,))} | {who for who, _ in parts}
    return tuple(
        Owned(
            name,
            tuple((*place, waves.get(place)) for place in sorted({*waves, *left}) if name in spaces.get(place, (NOBODY,))),
            tuple(part for who, part in parts if who == name),
            tuple(each for place, each in left.items() if name in spaces.get(place, (NOBODY,))),
        )
        for name in sorted(names, key=lambda each: (each == NOBODY, each))
    )


def _spaces(mesh: Mesh, owners: Owners) -> Mapping[str, tuple[str, ...]]:
    """The owners of each namespace: of its object, else of whatever is in it."""
    found: dict[str, tuple[str, ...]] = {}
    for name, resource in injection.namespaces(mesh).items():
        own = owners(resource) if resource is not None else ()
        inside = (who for each in injection.by_namespace(mesh).get(name, ()) for who in owners(each))
        found[name] = own or tuple(dict.fromkeys(inside)) or (NOBODY,)
    return found


def _parts(plan: Plan, owners: Owners) -> Iterator[tuple[str, Part]]:
    for wave in plan.waves:
        for step in wave.steps:
            pairs = ((who, file) for each in step.changes for who in _owners(each, owners) for file in _files(each))
            found = grouped(pairs)
            yield from ((who, Part(wave, step, tuple(sorted(set(files))))) for who, files in found.items())


def _owners(change: Change, owners: Owners) -> tuple[str, ...]:
    subject = change.action.beside if isinstance(change.action, Create) else change.subject
    return (owners(subject) if subject is not None else ()) or (NOBODY,)


def _files(change: Change) -> tuple[str, ...]:
    if isinstance(change.action, Create):
        return (f"{shared.beside(change)} (new {change.ref})",)
    return shared.files(change) if change.subject else (str(change.ref),)
