"""One namespace that is called: what decides there, who calls it, and which moments of a plan change anything for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change
from ambimigrate.model import Mesh, grouped
from ambimigrate.plan.proof import around, asks, classes, likeness
from ambimigrate.plan.proof.around import Pair
from ambimigrate.plan.proof.decided import Part, State
from ambimigrate.plan.proof.judge import Judge, Seen, Who
from ambimigrate.plan.proof.moments import Moment
from ambimigrate.semantics.authz import settings
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import in_namespace
from ambimigrate.verify import callers, places
from ambimigrate.verify.values import UNSEEN, WORKLOAD, Caller, Place

Classes = Mapping[Any, tuple[Caller, ...]]  # callers by what tells them apart


class Group(Struct, frozen=True, eq=False):
    """Callers that nothing tells apart and that move at one time: one of their class for the judge, and all of them."""

    who: Who
    members: tuple[Caller, ...]
    namespace: str  # with which they move


class Callee(Struct, frozen=True, eq=False):
    """The namespace, all namespaces whose objects decide there, the changes that count, and who calls.

    The judge may be that of another namespace that is alike, `stands`; it knows changes by their place among those that count.
    """

    namespace: str
    core: frozenset[str]
    counting: Mapping[int, int]
    judge: Judge
    groups: tuple[Group, ...]
    stands: str

    def state(self, done: Iterable[int]) -> State:
        """The state after these changes, as the judge knows it."""
        return State(tuple(sorted(self.counting[number] for number in done)))

    def known(self, names: frozenset[str]) -> frozenset[str]:
        """The namespaces as the judge knows them."""
        return frozenset(self.stands if name == self.namespace else name for name in names)

    def told(self, seen: Seen, witness: str, group: Group) -> tuple[Seen, str]:
        """What the judge saw, in the names of this namespace and of a caller of it."""
        policy = likeness.renamed(seen.policy, self.stands, self.namespace)
        text = witness.replace(f" by {group.who.caller}: ", f" by {_other(group.members[0])}: ")
        return replace(seen, policy=policy), likeness.renamed(text, self.stands, self.namespace).replace("\1", "")


def _other(caller: Caller) -> str:
    """The caller's name, safe from being renamed."""
    return "\1".join(str(caller))


class Numbered:
    """The changes of an order by number, and by the namespaces that they are about; other orders have the same ones."""

    def __init__(self, order: Iterable[Moment]) -> None:
        self._order = tuple(change for one in order for change in one.changes)
        self._numbers = {id(change): number for number, change in enumerate(self._order)}
        self._about: dict[str, list[int]] = defaultdict(list)
        for number, change in enumerate(self._order):
            home = change.ref.name if change.ref.kind == "Namespace" else change.ref.namespace
            for name in {home, change.namespace}:
                self._about[name].append(number)

    def numbers(self, moment: Moment) -> Iterator[int]:
        """The numbers of a moment's changes."""
        return (self._numbers[id(change)] for change in moment.changes)

    def of(self, core: frozenset[str], near: frozenset[str]) -> Mapping[int, Change]:
        """The changes that count for these namespaces, by number."""
        counts = around.about(core, near)
        found = sorted({number for name in core | near for number in self._about.get(name, ())})
        return {number: self._order[number] for number in found if counts(self._order[number])}


class _Judged(Struct, frozen=True, eq=False):
    """A judge, of which namespace it is, and the caller of each class that it knows."""

    judge: Judge
    namespace: str
    callers: Mapping[Any, Caller]


class _Here(Struct, frozen=True):
    """A namespace, those that count for it, and what is called in it."""

    namespace: str
    core: frozenset[str]
    own: tuple[Place, ...]


def callees(pair: Pair, numbered: Numbered) -> Iterator[Callee]:
    """Every namespace with Services that anything protects."""
    by_namespace = grouped((each.namespace, each) for each in places.places(pair.before, pair.end))
    known: dict[Any, _Judged] = {}
    for namespace, own in sorted(by_namespace.items()):
        called = tuple(each for each in own if _has_service(pair, each))
        here = _Here(namespace, around.core(pair, namespace, called), called)
        if called and around.is_judged(pair, here.core):
            yield _callee(pair, here, numbered, known)


def _has_service(pair: Pair, place: Place) -> bool:
    return any(places.service(mesh, place) is not None for mesh in (pair.before, pair.end))


def _callee(pair: Pair, here: _Here, numbered: Numbered, known: dict[Any, _Judged]) -> Callee:
    parts = around.local(pair.before, here.core), around.local(pair.end, here.core)
    found = _classes(pair, classes.tests(parts, here.own), here.own)
    changes = numbered.of(here.core, frozenset(classes.bound(key) for key in found) - {""})
    key: Any = here.namespace
    if all(map(classes.is_plain, found)):
        same = likeness.likeness(pair.before, (here.namespace, here.core), changes.values())
        key = same, tuple(found), here.core - {here.namespace}, len(here.own)
    if key not in known:
        known[key] = _judged(pair, here, parts, found, tuple(changes.values()))
    twin = known[key]
    counting = {number: place for place, number in enumerate(changes)}
    groups = tuple(_groups(pair, here, found, twin))
    return Callee(here.namespace, here.core, counting, twin.judge, groups, twin.namespace)


def _judged(pair: Pair, here: _Here, parts: tuple[Mesh, Mesh], found: Classes, changes: tuple[Change, ...]) -> _Judged:
    first = {key: members[0] for key, members in found.items()}
    names = here.core | {each.namespace for each in first.values()}
    before, end = around.local(pair.before, names), around.local(pair.end, names)
    clients = {(each.namespace, each.labels): classes.routed(key) for key, each in first.items()}
    part = Part(before, end, here.core, tuple(asks.wanted(*parts, here.own)), changes, clients)
    return _Judged(Judge(part), here.namespace, first)


def _classes(pair: Pair, asked: classes.Tests, own: tuple[Place, ...]) -> Classes:
    return grouped((classes.key(pair, asked, caller, own[0]), caller) for caller in _callers(pair, own))


def _groups(pair: Pair, here: _Here, found: Classes, twin: _Judged) -> Iterator[Group]:
    """The callers of each class by when they move."""
    place = here.own[0]
    for key, members in found.items():
        by_move: dict[tuple[str, str, str], list[Caller]] = defaultdict(list)
        for each in members:
            former, latter = (callers.mode(mesh, each, place) for mesh in (pair.before, pair.end))
            home = _home(pair.before, each, place) if former != latter else ""
            by_move[former, latter, home].append(each)
        for (former, latter, home), some in by_move.items():
            yield Group(Who(twin.callers[key], former, latter), tuple(some), home)


def _callers(pair: Pair, own: Iterable[Place]) -> Iterable[Caller]:
    found = dict.fromkeys(each for place in own for each in callers.every(pair.before, pair.end, place))
    for name in dict.fromkeys(each.namespace for each in found if each.kind == WORKLOAD):
        found |= dict.fromkeys(pair.before.index(_Workloads(name)))
    strange = [each for each in settings.trust_domains(pair.before) if each != settings.trust_domain(pair.before)]
    known = next((each for each in found if each.kind != UNSEEN and each.account), None)
    if known is not None:
        found |= dict.fromkeys(Caller(UNSEEN, known.namespace, known.account, domain=each) for each in strange[:1])
    return found


class _Workloads(Struct, frozen=True):
    """All callers of a namespace, where `verify` takes one for each class; made once."""

    namespace: str

    def __call__(self, mesh: Mesh) -> tuple[Caller, ...]:
        members = (each for each in in_namespace(mesh, self.namespace) if not injection.is_gateway(each))
        return tuple(
            Caller(WORKLOAD, self.namespace, each.service_account, tuple(sorted(each.labels.items())), each.name)
            for each in members
        )


def _home(mesh: Mesh, caller: Caller, place: Place) -> str:
    """The namespace with which a caller moves: its own, or that of what it calls where its own is not known."""
    return caller.namespace if caller.namespace in injection.namespaces(mesh) else place.namespace
