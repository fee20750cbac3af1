"""The changes of a plan: what `convert --stage` makes of the state that the stages before leave behind.

Some converters write other objects before the pods have moved than afterwards (a rule that closes the direct way lets
sidecars pass as long as there are any), so that the end state, sorted by stage, is not what a user's commands write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Held, Stage
from ambimigrate.convert import Choice, Conversion, convert
from ambimigrate.converters.apply import after
from ambimigrate.converters.shared import Place, beside, place
from ambimigrate.model import Finding, Mesh, Ref, Resource
from ambimigrate.plan.rewritten import rewritten
from ambimigrate.yamlio import Document

_MOVED = Stage.enroll  # converters tell the stages up to here from those after it, and no others
Key = tuple[str, Ref, Place]


class Staged(Struct, frozen=True):
    """The conversion up to the move of the pods, and all changes, those of later stages made on top of it."""

    conversion: Conversion
    changes: tuple[Change, ...]


def staged(meshes: tuple[Mesh, ...], findings: Iterable[Finding], choice: Choice, refused: Iterable[Held] = ()) -> Staged:
    """Two conversions, however many namespaces and stages there are."""
    refused = tuple(refused)
    first = convert(meshes, findings, replace(choice, stage=_MOVED), refused)
    if all(each.stage is Stage.prepare for each in (*first.changes, *first.pending)):
        return Staged(first, first.changes)  # nobody moves
    begun = tuple(rewritten(after(mesh, first.changes), first.changes) for mesh in meshes)
    second = convert(begun, analyse(begun), replace(choice, stage=None), refused)
    return Staged(first, (*first.changes, *_on_what_was_read(meshes, first.changes, second.changes)))


def _on_what_was_read(meshes: Iterable[Mesh], made: Iterable[Change], changes: Iterable[Change]) -> Iterator[Change]:
    """The changes with the objects as they were read, which are the ones that `after` knows."""
    known = {_key(mesh.name, each): each for mesh in meshes for each in mesh.resources}
    places = {(each.mesh, each.ref): beside(each) for each in made if isinstance(each.action, Create)}
    for change in changes:
        if change.subject is None:
            yield change
        else:
            found = known.get(_key(change.mesh, change.subject))
            yield replace(change, subject=found or _placed(change, change.subject, places))


def _key(mesh: str, resource: Resource[Any]) -> Key:
    return mesh, resource.ref, place(resource)


def _placed(change: Change, made: Resource[Any], places: Mapping[tuple[str, Ref], str]) -> Resource[Any]:
    """An object that an earlier step makes: which file it is in is known when that is written."""
    file = places.get((change.mesh, change.ref))
    if file is None or not isinstance(made.origin, Document):
        return made
    return replace(made, origin=replace(made.origin, file=f"{file} ({change.ref}, made beside it)"))
