"""The account of a conversion: what it neither changes nor holds, and why nothing becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Held, Untouched
from ambimigrate.convert import staying, unchanged
from ambimigrate.convert.unchanged_traffic import View
from ambimigrate.convert.values import Choice
from ambimigrate.converters import shared
from ambimigrate.holds import Place
from ambimigrate.kinds import DestinationRule
from ambimigrate.model import Mesh, Position, Ref, Resource, grouped

NOT_ASKED = "its namespace was not asked for"
_NOT_THERE = "nothing comes of it in the namespaces that were asked for"


class Sheet(Struct, frozen=True):
    """What was drafted, what is left of it, what of that is made now, what is held, and in which places."""

    drafted: tuple[Change, ...]
    left: tuple[Change, ...]
    made: tuple[Change, ...]
    held: tuple[Held, ...]
    holding: Mapping[Place, Any]


def unaccounted(mesh: Mesh, end: Mesh, choice: Choice, sheet: Sheet) -> Iterator[Untouched]:
    """The objects of the kinds that convert handles that are in neither list, each with the reason."""
    made, left, drafted = (_Touched.of(mesh, each) for each in (sheet.made, sheet.left, sheet.drafted))
    held = {each.ref for each in sheet.held if each.mesh == mesh.name}
    said = {id(vs): text for vs, text in staying.virtual_services(mesh, choice.settings)}
    view = View(mesh, end, choice.settings, frozenset(name for place, name in sheet.holding if place == mesh.name))
    for kind in unchanged.KINDS:
        for resource in mesh.of(kind):
            if resource.ref in held or made.by(resource):
                continue
            asked = choice.takes(mesh.name, resource.namespace)
            if not asked and not unchanged.is_wide(mesh, resource):
                reason = NOT_ASKED
            elif later := left.by(resource):
                reason = f"it changes at stage {later[0].stage.name}"
            else:
                reason = said.get(id(resource)) or unchanged.reason(view, resource)
                reason = reason or (_remaining(view, drafted.by(resource), resource) if asked else _NOT_THERE)
            yield Untouched(mesh.name, Ref(*resource.ref), resource.file, reason)


def _remaining(view: View, drafted: tuple[Change, ...], resource: Resource[Any]) -> str:
    """Why nothing becomes of it though it may have to change."""
    waiting = dict.fromkeys(each.namespace for each in drafted if each.namespace in view.held)
    if waiting:
        return f"what would come of it is for namespace {next(iter(waiting))}, which is held"
    if drafted:
        in_use = isinstance(resource.body, DestinationRule)
        return (
            "VirtualServices that stay name its subsets" if in_use else "its text also stands for objects that change otherwise"
        )
    if resource.namespace in view.held:
        return "its namespace is held, and it stays with it"
    return unchanged.NOTHING


class _Touched(Struct, frozen=True):
    """Changes by the objects that they change or come from."""

    subjects: Mapping[tuple[Ref, shared.Place], tuple[Change, ...]]
    sources: Mapping[Position, tuple[Change, ...]]
    files: frozenset[str]

    @classmethod
    def of(cls, mesh: Mesh, changes: Iterable[Change]) -> _Touched:
        own = [each for each in changes if each.mesh == mesh.name]
        subjects = grouped((_key(each.subject), each) for each in own if each.subject is not None)
        sources = grouped((at, each) for each in own for at in each.sources)
        return cls(subjects, sources, frozenset(each.file for each in sources))

    def by(self, resource: Resource[Any]) -> tuple[Change, ...]:
        """Those that change the object or come from it; places in text are only looked for in files that changes name."""
        found = self.subjects.get(_key(resource), ())
        return found or (self.sources.get(resource.at(), ()) if resource.file in self.files else ())


def _key(resource: Resource[Any]) -> tuple[Ref, shared.Place]:
    return resource.ref, shared.place(resource)
