"""NetworkPolicies around pods that will speak through the tunnel: nobody is cut off, and nobody reaches more than before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.changes import Change, Create, Edit, Stage
from ambimigrate.converters import shared
from ambimigrate.converters.networks import (
    closing,
    cni,
    entries,
    exits,
    incoming,
    judging,
    leaving,
    outgoing,
    probes,
    waypoints,
)
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.cni import Seen
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.model import Mesh, Ref, Resource

OPENED, KEPT, FOREIGN, PROBED = "NP901", "NP903", "NP904", "NP907"
_OURS = frozenset({OPENED, PROBED, closing.CLOSED, waypoints.ADMITTED, waypoints.JUDGED})


def convert(given: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The edits of the namespace's policies and what closes again the ports that the tunnel would open."""
    seen = cni.seen(given)
    mesh = seen.mesh
    pods = entries.joining(mesh, namespace, settings) if seen.refused or mesh.of(NetworkPolicy) else ()
    foreign = tuple(dict.fromkeys(seen.without_form(namespace, pods)))
    if foreign or not mesh.of(NetworkPolicy):
        return Outcome((), tuple(held(given, each.policy, FOREIGN, each.refused, namespace) for each in foreign))
    entering = incoming.convert(mesh, namespace, plan, settings)
    found = (entering, outgoing.convert(mesh, namespace, plan, settings, entering.closed))
    blocked = [each for part in found for each in part.blocked]
    changes = [each for part in found for each in part.changes]
    pairs = [pair for part in found for pair in part.edits]
    if not blocked:
        try:
            kept = (*judging.judged(mesh, namespace, plan, settings), *judging.kept_from(mesh, namespace, plan))
            changes += judging.with_doors(mesh, kept, settings)
            changes += waypoints.let_through(mesh, namespace, plan)
            changes += leaving.kept_from(seen, namespace, settings)
            changes += exits.let_through(mesh, namespace, settings)
        except Blocked as reason:
            blocked.append(reason)
    if clashes := tuple(_clashes(changes)):
        pairs, changes, blocked = [], [], [*blocked, *clashes]
    try:
        edits = [
            *_edited(seen, namespace, pairs, OPENED),
            *_edited(seen, namespace, probes.admitted(seen, pods, pairs), PROBED),
        ]
    except Blocked as reason:
        return Outcome((), (held(given, reason.policy, FOREIGN, reason.refused, namespace),))
    refusals = (held(given, each.policy, KEPT, each.refused, namespace) for each in map(seen.blocked, blocked))
    return Outcome((*edits, *(_anchored(seen, each) for each in changes)), tuple(dict.fromkeys(refusals)))


def _edited(seen: Seen, namespace: str, pairs: Iterable[tuple[Policy, Edit]], because: str) -> Iterator[Change]:
    """One change per policy. Raises Blocked."""
    found: dict[int, tuple[Resource[Any], list[Edit]]] = {}
    for policy, edit in pairs:
        origin = seen.origin(policy)
        found.setdefault(id(origin), (origin, []))[1].append(seen.edit(policy, edit))
    for origin, edits in found.values():
        at = (origin.at(),)
        yield Change(Stage.prepare, namespace, seen.mesh.name, origin.ref, tuple(edits), origin, (because,), at)


def _anchored(seen: Seen, change: Change) -> Change:
    """The change beside an object of the input."""
    if not isinstance(change.action, Create):
        return change
    beside = seen.origin(change.action.beside)
    return replace(change, action=replace(change.action, beside=beside))


def _clashes(changes: Iterable[Change]) -> Iterator[Blocked]:
    """Objects that would have the same name and are not the same."""
    known: dict[Ref, Create] = {}
    for each in changes:
        if isinstance(each.action, Create) and known.setdefault(each.ref, each.action).value != each.action.value:
            yield Blocked(each.action.beside, Refused("taken", ("metadata", "name"), f"two objects would be called {each.ref}"))


def settled(meshes: Iterable[Mesh], changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes without those of networks whose text also stands for namespaces that do not change in the same way.

    What opens and what closes belong together, so a namespace gets all of them or none.
    """
    left, known = tuple(changes), shared.twins(meshes)
    while True:
        ours = [each for each in left if not _OURS.isdisjoint(each.because)]
        out = {(each.mesh, each.namespace) for each, _ in shared.disagreeing(ours, known)}
        if not out:
            return left
        left = tuple(each for each in left if _OURS.isdisjoint(each.because) or (each.mesh, each.namespace) not in out)
