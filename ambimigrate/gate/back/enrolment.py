"""NS802: a migrated namespace leaves the ambient mesh."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.gate.back.compare import Found, Pair, State, gained
from ambimigrate.gate.back.injected import labels_of
from ambimigrate.model import Mesh
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import in_namespace


def check(pair: Pair) -> Iterator[Found]:
    yield from gained(pair, _states)
    if pair.before is not None:
        yield from (found for space in sorted(pair.migrated) for found in _without_object(pair.before, pair.after, space))


def _states(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for space in sorted(spaces):
        place = labels_of(mesh, space)
        said = injection.labels(mesh, space).get(injection.MODE)
        if place is None or said == injection.AMBIENT or _by_pods(mesh, space):
            continue
        route = (
            (*place[1], injection.MODE) if said is not None else place[1] if place[1][:1] == ("spec",) else ("metadata", "name")
        )
        what = f"{injection.MODE} is {said!r}" if said is not None else f"the label {injection.MODE}=ambient is not there"
        message = (
            f"fails open: {what}, so migrated namespace {space} has neither ztunnel nor sidecars: no policy, no mutual TLS"
        )
        yield (space,), Found(place[0], route, message, "removed" if said is None else "none")


def _by_pods(mesh: Mesh, space: str) -> bool:
    """Whether all its pods are enrolled by labels of their own."""
    found = in_namespace(mesh, space)
    return bool(found) and all(each.labels.get(injection.MODE) == injection.AMBIENT for each in found)


def _without_object(before: Mesh, after: Mesh, space: str) -> Iterator[Found]:
    """The object that said ambient is gone although pods stay; they are what stops working."""
    left = in_namespace(after, space)
    if injection.labels(before, space).get(injection.MODE) == injection.AMBIENT and left and labels_of(after, space) is None:
        message = f"fails open: nothing says any more that namespace {space} is ambient: where its object is deleted or made "
        yield Found(left[0].resource, ("metadata", "name"), f"{message}anew, {left[0]} has no ztunnel", "object")
