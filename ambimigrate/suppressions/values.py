"""A suppression as a value: which rules it names, why, until when, and for what."""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.model import Position, Ref

COMMENT, ANNOTATION, CONFIGURATION = "comment", "annotation", "configuration"
MESH = Ref("Mesh", "", "", "")  # what a suppression is about that no object carries
NOWHERE = Position("", None, None)
Spot = tuple[int, int]  # line and column, 1-based


class Area(Struct, frozen=True):
    """A part of a file: from `start` up to `end`, which no longer belongs to it."""

    file: str
    start: Spot
    end: Spot

    def holds(self, position: Position) -> bool:
        """Whether the position lies inside; one that knows no column stands at the beginning of its line."""
        return position.file == self.file and self.start <= (position.line or 0, position.column or self.start[1]) < self.end


class Scope(Struct, frozen=True):
    """The findings that the configuration means: every field that says something has to agree."""

    namespace: str = ""  # NAMESPACE or MESH/NAMESPACE; here and below `*` stands for any characters
    kind: str = ""
    name: str = ""
    path: str = ""  # as globs.matches reads it, below the folder of the configuration


class Silence(Struct, frozen=True):
    """What somebody wrote so that findings of some rules do not count; `fault` says why it cannot be followed.

    A comment covers `areas`, an annotation its `subject` in `meshes`, the configuration its `scope`. `anchor` is what tells
    it from others wherever its text moves.
    """

    by: str  # comment | annotation | configuration
    ids: tuple[str, ...]
    because: str = ""
    until: str = ""  # the last day on which it counts (ISO); empty: for good
    position: Position = NOWHERE  # its own place
    subject: Ref = MESH  # the object that carries it
    meshes: tuple[str, ...] = ()
    areas: tuple[Area, ...] = ()
    scope: Scope = Scope()
    anchor: tuple[str, ...] = ()
    fault: str = ""

    @property
    def shown(self) -> str:
        """What it is in a few words."""
        return f"{'suppressions' if self.by == CONFIGURATION else 'ignore'}[{', '.join(self.ids)}]"
