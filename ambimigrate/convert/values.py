"""What convert is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ambimigrate.changes import Change, Held, Stage, Untouched
from ambimigrate.converters.settings import DEFAULT, Settings
from ambimigrate.holds import Place
from ambimigrate.model import Problem


class Choice(Struct, frozen=True):
    """What is asked for: the namespaces (None: all), the last stage (None: the end state), the mesh (empty: all), and how."""

    namespaces: tuple[str, ...] | None = None
    stage: Stage | None = None
    mesh: str = ""
    settings: Settings = DEFAULT

    def takes(self, mesh: str, namespace: str) -> bool:
        """Whether the namespace of that mesh is asked for."""
        return (not self.mesh or mesh == self.mesh) and (self.namespaces is None or namespace in self.namespaces)


EVERYTHING = Choice()


class Conversion(Struct, frozen=True):
    """What a conversion comes to; `pending` are the changes of later stages, `holding` the reasons by mesh and namespace.

    `problems` are fields of the input that its CRDs do not have, `notes` those that only an unknown release may have.
    """

    changes: tuple[Change, ...]
    held: tuple[Held, ...]
    untouched: tuple[Untouched, ...]
    pending: tuple[Change, ...] = ()
    holding: Mapping[Place, tuple[Held, ...]] | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
