"""What the converters would do if nothing were held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ambimigrate.changes import Change, Held, Stage
from ambimigrate.convert.values import Choice
from ambimigrate.converters import elsewhere, namespaces, policies, shared
from ambimigrate.converters.outcome import Outcome
from ambimigrate.converters.subsets import versioned
from ambimigrate.model import Mesh
from ambimigrate.verdicts import Standing


class Drafts(Struct, frozen=True):
    """What the converters would change and refuse, and which changes those of the asked namespaces need, here or elsewhere."""

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    needed: frozenset[tuple[object, ...]]

    def takes(self, change: Change, choice: Choice) -> bool:
        return choice.takes(change.mesh, change.namespace) or _key(change) in self.needed


def drafted(meshes: tuple[Mesh, ...], chosen: list[Standing], choice: Choice) -> Drafts:
    aims = {mesh.name: _aims(mesh, chosen, choice) for mesh in meshes}
    found = [(each, _draft(mesh, each, aims[mesh.name])) for mesh in meshes for each in chosen if each.mesh == mesh.name]
    asked = (draft for each, draft in found if choice.takes(each.mesh, each.name))
    return Drafts(
        tuple(shared.apart(elsewhere.beside_files(versioned.once(_changes(found)), meshes), meshes)),
        tuple(each for _, draft in found for each in draft.held),
        frozenset(_key(change) for draft in asked for change in draft.changes),
    )


def _changes(found: Iterable[tuple[Standing, Outcome]]) -> Iterator[Change]:
    return (change for _, draft in found for change in draft.changes)


def _key(change: Change) -> tuple[object, ...]:
    return change.mesh, change.ref, change.stage, change.verb


def _aims(mesh: Mesh, chosen: Iterable[Standing], choice: Choice) -> policies.Aims:
    """The namespaces that move together, and how far."""
    moving = frozenset(each.name for each in chosen if each.mesh == mesh.name)
    return policies.Aims(choice.settings, moving, choice.stage or Stage.tighten)


def _draft(mesh: Mesh, standing: Standing, aims: policies.Aims) -> Outcome:
    asked = tuple(standing.waypoint.services) if standing.waypoint else ()
    return namespaces.draft(mesh, standing.name, None if standing.verdict == "not-in-mesh" else asked, aims)
