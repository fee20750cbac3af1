"""An analysis that knows what it was made of, and the next one, in which only those rules look again that can see a change.

A rule sees its object, and of the mesh what it asks for, which is noted while it runs: kinds of objects, directly or behind an
index. Nothing else decides what it finds, so where none of that has changed its findings are the same. A change of one kind
lets every rule that asked for this kind look at all of its objects again, or at those of the namespace in which the change is,
if it only ever asked for what is in the namespace of its object. Other rules look at the changed objects only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct

from ambimigrate.analyse import combined
from ambimigrate.analyse.rows import WHOLE, Row, Task, parts, tasks
from ambimigrate.checks import rules
from ambimigrate.model import Finding, Mesh, Reads, acquainted, grouped
from ambimigrate.model.reads import IN, KINDS, OWN, own, spaces

Kept = Mapping[str, frozenset[str]]  # the namespaces in which each rule looks again


class Look(Struct, frozen=True):
    """A mesh by prints: of all that is not an object, and of each object in order, no two of them the same."""

    rest: bytes
    objects: list[bytes]


class Study(Struct, frozen=True):
    """What was found, in each mesh by the number of the object, what each rule read for that, and what there was to read."""

    rest: bytes
    there: dict[str, bytes]
    read: dict[str, list[str]]
    objects: list[list[bytes]]
    rows: list[list[Row]]

    def findings(self) -> tuple[Finding, ...]:
        """The findings as `analyse` gives them."""
        return combined(row.finding for rows in self.rows for row in rows)


def studied(meshes: Sequence[Mesh], looks: Sequence[Look], before: Study | None = None) -> Study:
    """The analysis of meshes, which takes from an earlier one what cannot be other now."""
    reads = Reads()
    every = acquainted(mesh.noted(reads) for mesh in meshes)
    rest, there = _rest(looks), _there(meshes, looks)
    same = before if before and before.rest == rest and len(before.objects) == len(looks) else None
    kept = _kept(same, there) if same else {}
    read = {rule: set(same.read[rule]) for rule in kept} if same else {}
    rows = []
    for number, (mesh, look) in enumerate(zip(every, looks, strict=True)):
        old = _Old(mesh, look, kept, (same.objects[number], same.rows[number]) if same else ([], []))
        made = list(parts(mesh, old.left(tasks(mesh, rules(mesh.kinds()))), reads))
        for rule, names in chain.from_iterable(part.read.items() for part in made):
            read.setdefault(rule, set()).update(names)
        rows.append(sorted(chain(old.rows(), *(part.rows for part in made)), key=_number))
    return Study(rest, there, {rule: sorted(names) for rule, names in read.items()}, [each.objects for each in looks], rows)


def _number(row: Row) -> int:
    return row.number


def _kept(before: Study, there: Mapping[str, bytes]) -> Kept:
    """The rules for which nothing is other that they read of the whole mesh, with the namespaces where they look again."""
    changed = {name for name in before.there.keys() | there.keys() if before.there.get(name) != there.get(name)}
    places = grouped((kind, space) for kind, is_in, space in (name.partition(IN) for name in changed) if is_in)
    return {
        rule: frozenset(space for name in read for space in places.get(name.removesuffix(OWN), ()) if name.endswith(OWN))
        for rule, read in before.read.items()
        if changed.isdisjoint(read)
    }


class _Old:
    """What is left of an earlier analysis of a mesh: which objects were there, and what the kept rules found in them."""

    def __init__(self, mesh: Mesh, look: Look, kept: Kept, old: tuple[list[bytes], list[Row]]) -> None:
        self.kept, (objects, self.found) = kept, old
        self.spaces = [own(each) for each in mesh.resources]
        was = {print_: number for number, print_ in enumerate(objects)}
        self.now = {was[print_]: number for number, print_ in enumerate(look.objects) if print_ in was} | {WHOLE: WHOLE}
        self.known = frozenset(self.now.values())

    def left(self, every: Iterable[Task]) -> Iterator[Task]:
        """What is to be looked at again."""
        for each in every:
            if each.number in self.known:
                each = each._replace(rules=tuple(rule for rule in each.rules if self._is_left(rule.id, each.number)))
            if each.rules:
                yield each

    def rows(self) -> Iterator[Row]:
        """What need not be looked at again, under the numbers that the objects have now."""
        for row in self.found:
            number = self.now.get(row.number)
            if number is not None and not self._is_left(row.finding.rule, number):
                yield Row(number, row.finding)

    def _is_left(self, rule: str, number: int) -> bool:
        """Whether what a rule finds in an object that was there before may be other now."""
        again = self.kept.get(rule)
        return again is None or (number != WHOLE and self.spaces[number] in again)


def _rest(looks: Iterable[Look]) -> bytes:
    return hashlib.sha256(b"".join(hashlib.sha256(each.rest).digest() for each in looks)).digest()


def _there(meshes: Sequence[Mesh], looks: Sequence[Look]) -> dict[str, bytes]:
    """A print of everything that a rule can read, by its name: of all meshes, since a rule may look into the others."""
    found = defaultdict[str, Any](hashlib.sha256)
    for number, (mesh, look) in enumerate(zip(meshes, looks, strict=True)):
        for name, content in _readable(mesh, look):
            found[name].update(b"%d %d " % (number, len(content)) + content)
    return {name: each.digest() for name, each in found.items()}


def _readable(mesh: Mesh, look: Look) -> Iterator[tuple[str, bytes]]:
    every: dict[type[Any], list[bytes]] = defaultdict(list)
    spaces_: dict[tuple[type[Any], str], list[bytes]] = defaultdict(list)
    for each, print_ in zip(mesh.resources, look.objects, strict=True):
        every[type(each.body)].append(print_)
        spaces_[type(each.body), each.namespace].append(print_)
    yield KINDS, "\0".join(sorted(kind.__name__ for kind in every)).encode()
    for kind, prints in every.items():
        yield kind.__name__, b"".join(prints)
        yield spaces(kind), "\0".join(sorted(mesh.spaces(kind))).encode()
    for (kind, space), prints in spaces_.items():
        yield f"{kind.__name__}{IN}{space}", b"".join(prints)
