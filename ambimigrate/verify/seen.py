"""Cases that differ, gathered by the way in which they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from ambimigrate.semantics import authz
from ambimigrate.verify.values import Ask, Caller, Place


class Case(Struct, frozen=True):
    """One request of one caller to a place; `service` is the Service or ServiceEntry that it dials, of either mesh."""

    place: Place
    service: authz.Called | None
    caller: Caller
    ask: Ask


class Found(Struct, frozen=True):
    """One way in which a case differs; equal ways have equal signatures. `workload`, `named`: of a verdict."""

    kind: str
    signature: tuple[Any, ...]
    names: tuple[str, ...] = ()
    workload: str = ""
    named: tuple[str, ...] = ()


class Seen(Struct):
    """All cases that differ in one way: the smallest of them, their number, and whom and what they are about."""

    case: Case
    found: Found
    cases: set[tuple[Place, Caller, Ask]] = field(default_factory=set)
    callers: dict[str, None] = field(default_factory=dict)
    workloads: set[str] = field(default_factory=set)

    def add(self, case: Case, found: Found) -> None:
        self.cases.add((case.place, case.caller, case.ask))
        self.callers.setdefault(str(case.caller))
        self.workloads.add(found.workload)
        if case.ask.size < self.case.ask.size:
            self.case, self.found = case, found


def folded(best: dict[tuple[Any, ...], Seen]) -> Iterator[Seen]:
    """What also happens to callers inside the mesh, or through the Service, needs no second witness."""
    left = dict(best)
    for signature, seen in best.items():
        kept = next((left[each] for each in _plainer(signature) if each in left), None) if seen.found.workload else None
        if kept is not None:
            kept.cases |= seen.cases
            kept.callers |= seen.callers
            kept.workloads |= seen.workloads
            del left[signature]
    yield from left.values()


def _plainer(signature: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Of a verdict's signature, whose last parts say whether the caller is outside and calls a pod directly."""
    *same, outside, direct = signature
    for pair in ((False, False), (False, direct), (outside, False)):
        if pair != (outside, direct):
            yield (*same, *pair)
