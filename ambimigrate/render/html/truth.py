"""Who is let in today and after: for each protected port the classes of callers, for each kind of request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import authz
from ambimigrate.verify import callers, places, requests, trip
from ambimigrate.verify.values import Ask, Caller, Place, Settings

REQUESTS = 40  # tried for a port
PORTS = 80  # for which there is a table
DECISIONS = 60_000  # in all
OBJECTS = 4_000  # of a mesh; the classes of callers are sought among all of them

Answer = tuple[str, str]  # today and after


class Table(Struct, frozen=True):
    """One port: the policies that may decide, kinds of requests (an example and how many were tried), classes of callers."""

    mesh: str
    place: Place
    policies: tuple[str, ...]
    columns: tuple[tuple[Ask, int], ...]
    rows: tuple[tuple[tuple[Caller, ...], tuple[Answer, ...]], ...]

    @property
    def changes(self) -> bool:
        return any(before != after for _, answers in self.rows for before, after in answers)


class Truth(Struct, frozen=True):
    """The tables, and in words what was not computed."""

    tables: tuple[Table, ...]
    left: tuple[str, ...]


def computed(pairs: tuple[tuple[Mesh, Mesh], ...]) -> Truth:
    """The tables of all meshes, within the limits."""
    tables: list[Table] = []
    left: list[str] = []
    spent = 0
    for before, after in pairs:
        name = before.name or "the mesh"
        if len(before.resources) > OBJECTS:
            left.append(f"{name}: it has {len(before.resources)} objects, more than {OBJECTS}")
            continue
        skipped = 0
        for place in filter(lambda each: _is_protected(before, after, each), places.places(before, after)):
            if len(tables) >= PORTS or spent >= DECISIONS:
                skipped += 1
                continue
            made, cost = _table(before, after, place)
            spent += cost
            tables += [made] if made.rows else []
        if skipped:
            left.append(f"{name}: {skipped} further protected port{'' if skipped == 1 else 's'}")
    return Truth(tuple(tables), tuple(left))


def _is_protected(before: Mesh, after: Mesh, place: Place) -> bool:
    return (places.service(before, place) or places.service(after, place)) is not None and any(_policies(before, after, place))


def _policies(before: Mesh, after: Mesh, place: Place) -> Iterator[Resource[AuthorizationPolicy]]:
    for mesh in (before, after):
        yield from (each for each in places.policies(mesh, place) if isinstance(each.body, AuthorizationPolicy))


def _table(before: Mesh, after: Mesh, place: Place) -> tuple[Table, int]:
    asks = requests.asked(before, after, place, Settings(requests=REQUESTS))
    who = callers.callers(before, after, place)
    answers = {(ask, caller): _answer(before, after, place, (ask, caller)) for ask in asks for caller in who}
    kinds: dict[tuple[Answer, ...], list[Ask]] = {}
    for ask in asks:
        kinds.setdefault(tuple(answers[ask, caller] for caller in who), []).append(ask)
    columns = [(min(same, key=lambda each: each.size), len(same)) for same in kinds.values()]
    classes: dict[tuple[Answer, ...], list[Caller]] = {}
    for caller in who:
        classes.setdefault(tuple(answers[ask, caller] for ask, _ in columns), []).append(caller)
    named = tuple(dict.fromkeys(f"{each.namespace}/{each.name}" for each in _policies(before, after, place)))
    rows = tuple((tuple(members), row) for row, members in classes.items())
    return Table(before.name, place, named, tuple(columns), rows), 2 * len(answers)


def _answer(before: Mesh, after: Mesh, place: Place, asked: tuple[Ask, Caller]) -> Answer:
    service = places.service(before, place) or places.service(after, place)
    ask, caller = asked
    one, other = (trip.travel(mesh, caller, place, ask, service).verdicts for mesh in (before, after))
    return _said(one), _said(other)


def _said(verdicts: Mapping[str, authz.Decision]) -> str:
    """The verdict in a word; where routing leads to pods that answer differently, that."""
    words = sorted({_word(each) for each in verdicts.values()})
    return words[0] if len(words) == 1 else " or ".join(words) or "no pod known"


def _word(decision: authz.Decision) -> str:
    match decision.verdict:
        case authz.Verdict.DENY:
            return "refused"
        case authz.Verdict.ASK:
            return f"asks {', '.join(decision.providers)}"
        case _:
            return "allowed"
