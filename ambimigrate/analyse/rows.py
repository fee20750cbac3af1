"""Rules on objects: what each of them finds in one mesh, in several processes where there is enough to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from ambimigrate import catalogue, workers
from ambimigrate.analyse.prints import fingerprint
from ambimigrate.checks import Rule
from ambimigrate.model import Finding, Hit, Mesh, Position, Reads, Ref, Resource, Route, grouped
from ambimigrate.model.reads import own

MANY = 120_000  # looks of a rule at an object; for fewer, processes cost more than they save
WHOLE = -1  # the number of the mesh itself among its objects


class Everywhere:
    """The origin of a finding about a mesh as a whole: it stands in no file."""

    file = ""

    def at(self, route: Route) -> Position:
        return Position("", None, None, route)


class Task(NamedTuple):
    """An object by its number in the mesh, and the rules that are to look at it."""

    number: int
    resource: Resource[Any]
    rules: tuple[Rule, ...]


class Row(NamedTuple):
    """What a rule found, with the number of the object in its mesh."""

    number: int
    finding: Finding


class Part(NamedTuple):
    """What some tasks came to, and what each rule read of the mesh for that, if somebody wanted to know."""

    rows: list[Row]
    read: Mapping[str, frozenset[str]]


def whole(mesh: Mesh) -> Resource[Mesh]:
    """The mesh as the object of a finding that no other object carries."""
    return Resource(Ref("Mesh", "", "", mesh.name), mesh, Everywhere())


def tasks(mesh: Mesh, among: Iterable[Rule]) -> Iterator[Task]:
    """Object by object, so that the text of each is composed once for all the rules that point into it."""
    about: dict[type, tuple[Rule, ...]] = grouped((kind, rule) for rule in among for kind in rule.kinds)
    if Mesh in about:
        yield Task(WHOLE, whole(mesh), about[Mesh])
    for number, resource in enumerate(mesh.resources):
        if type(resource.body) in about:
            yield Task(number, resource, about[type(resource.body)])


def parts(mesh: Mesh, given: Iterable[Task], reads: Reads | None = None) -> Iterator[Part]:
    """What the tasks come to, each process its share of them."""
    every = list(given)
    count = workers.worth(sum(len(each.rules) for each in every), MANY)
    jobs = [partial(_part, mesh, every[start::count], reads) for start in range(count)]
    yield from workers.spread(jobs) if count > 1 else [jobs[0]()]


def _part(mesh: Mesh, every: list[Task], reads: Reads | None) -> Part:
    rows, asked = [], defaultdict[str, set[Hashable]](set)
    for number, resource, some in every:
        if reads is not None:
            reads.own = None if number == WHOLE else own(resource)
        for rule in some:
            if reads is not None:
                reads.now = asked[rule.id]
            made = (finding(rule.id, resource, hit, mesh) for hit in rule.check(resource, mesh))
            rows += [Row(number, each) for each in made if each is not None]
    return Part(rows, {rule: reads.names(read) for rule, read in asked.items()} if reads is not None else {})


def finding(rule: str, resource: Resource[Any], hit: Hit, mesh: Mesh) -> Finding | None:
    """A hit in its context; None if its case is not true for the target."""
    case = catalogue.entry(rule).case(hit.case, mesh.target.istio)
    if case is None:
        return None
    if not hit.message.isprintable() or "  " in hit.message:  # a name may hold line feeds, or be empty
        hit = replace(hit, message=" ".join("".join(c if c.isprintable() else " " for c in hit.message).split()))
    print_ = fingerprint(rule, resource, hit)
    return Finding(rule, case.level, case.fails_open, resource.ref, hit, case.fix, (mesh.name,), print_)
