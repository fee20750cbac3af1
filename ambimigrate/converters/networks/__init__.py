"""NetworkPolicies around pods that will speak through the tunnel: nobody is cut off, and nobody reaches more than before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import Change, Create, Edit, Stage
from ambimigrate.converters import shared
from ambimigrate.converters.networks import closing, incoming, judging, outgoing, waypoints
from ambimigrate.converters.networks.closing import Blocked
from ambimigrate.converters.networks.entries import Policy
from ambimigrate.converters.outcome import Outcome, Refused, held
from ambimigrate.converters.serving import Plan
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.model import Mesh, Ref

OPENED, KEPT = "NP901", "NP903"
_OURS = frozenset({OPENED, closing.CLOSED, waypoints.ADMITTED, waypoints.JUDGED})


def convert(mesh: Mesh, namespace: str, plan: Plan, settings: Settings) -> Outcome:
    """The edits of the namespace's policies and what closes again the ports that the tunnel would open."""
    if not mesh.of(NetworkPolicy):
        return Outcome()
    entering = incoming.convert(mesh, namespace, plan, settings)
    found = (entering, outgoing.convert(mesh, namespace, plan, settings, entering.closed))
    blocked = [each for part in found for each in part.blocked]
    changes = [*_edited(mesh, namespace, [pair for part in found for pair in part.edits])]
    changes += [each for part in found for each in part.changes]
    if not blocked:
        try:
            changes += judging.judged(mesh, namespace, plan, settings)
            changes += judging.kept_from(mesh, namespace, plan)
            changes += waypoints.let_through(mesh, namespace, plan)
        except Blocked as reason:
            blocked.append(reason)
    if clashes := tuple(_clashes(changes)):
        changes, blocked = [], [*blocked, *clashes]
    refusals = (held(mesh, each.policy, KEPT, each.refused, namespace) for each in blocked)
    return Outcome(tuple(changes), tuple(dict.fromkeys(refusals)))


def _edited(mesh: Mesh, namespace: str, pairs: Iterable[tuple[Policy, Edit]]) -> Iterator[Change]:
    """One change per policy."""
    found: dict[int, tuple[Policy, list[Edit]]] = {}
    for policy, edit in pairs:
        found.setdefault(id(policy), (policy, []))[1].append(edit)
    for policy, edits in found.values():
        yield Change(Stage.prepare, namespace, mesh.name, policy.ref, tuple(edits), policy, (OPENED,), (policy.at(),))


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
