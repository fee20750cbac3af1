"""A plan as it was kept: its waves and steps, and what each step was to do to which object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from ambimigrate.changes import Delete, Edit, Set, Stage
from ambimigrate.model import Ref, Route


class PlanError(Exception):
    """There is no plan, or it cannot be used; the message says what to do."""


class RecordedObject(Struct, frozen=True):
    """The name of an object."""

    kind: str
    group: str
    namespace: str
    name: str

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.group, self.namespace, self.name)


class RecordedEdit(Struct, frozen=True):
    """A value that is set at a route, or the deletion of what is there."""

    route: Route
    set: Any | UnsetType = UNSET

    @property
    def edit(self) -> Edit:
        return Delete(self.route) if self.set is UNSET else Set(self.route, self.set)


class RecordedChange(Struct, frozen=True):
    """What a step does to one object: creates it with this value, edits or deletes it; `namespace` is the one that moves."""

    action: str  # create | edit | delete
    object: RecordedObject
    namespace: str
    value: dict[str, Any] = field(default_factory=dict)
    edits: tuple[RecordedEdit, ...] = ()


class RecordedStep(Struct, frozen=True):
    """A step: the stage of its changes, and the namespaces that its commands choose."""

    id: str
    stage: str | None
    title: str = ""
    commands: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()
    changes: tuple[RecordedChange, ...] = ()

    @property
    def is_of_all_meshes(self) -> bool:
        """Whether its commands change what several meshes share, for all of them at once."""
        return not any(" --mesh " in each for each in self.commands)


class RecordedWave(Struct, frozen=True):
    """A wave: which namespaces move in it, and its steps."""

    number: int
    mesh: str
    namespaces: tuple[str, ...]
    steps: tuple[RecordedStep, ...]

    def of(self, stage: Stage | None) -> tuple[RecordedStep, ...]:
        """The steps of a stage, all that change files for a preview."""
        return tuple(each for each in self.steps if each.stage and (stage is None or each.stage == stage.name))

    def chosen(self, stage: Stage | None) -> tuple[str, ...]:
        """The namespaces that `convert` takes for a stage: those of its step, else all that move; for a preview every one."""
        named = tuple(dict.fromkeys(name for each in self.of(stage) for name in each.namespaces))
        return named or self.namespaces

    def meant(self, stage: Stage | None) -> str:
        """The mesh that `convert` takes; all (empty) where that is what the commands of the stage do."""
        found = self.of(stage) if stage else ()
        return "" if found and all(each.is_of_all_meshes for each in found) else self.mesh


class RecordedHold(Struct, frozen=True):
    """A namespace that stays."""

    namespace: str
    because: tuple[str, ...]
    mesh: str = ""


class Agreed(Struct, frozen=True):
    """The options of the plan by which a user agreed to differences, as they were typed."""

    accept: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    waypoints: str = ""
    close_direct: bool = False
    gateways: bool = False


NOTHING = Agreed()


class RecordedPlan(Struct, frozen=True):
    """A plan as it was kept."""

    waves: tuple[RecordedWave, ...]
    held: tuple[RecordedHold, ...] = ()
    cycles: tuple[tuple[str, ...], ...] = ()
    target: dict[str, str | None] = field(default_factory=dict)
    agreed: Agreed = NOTHING

    @property
    def meshes(self) -> tuple[str, ...]:
        """The meshes that it is for."""
        return tuple(dict.fromkeys((*(each.mesh for each in self.waves), *(each.mesh for each in self.held))))

    def steps(self, mesh: str) -> Iterator[tuple[RecordedWave, RecordedStep]]:
        """The steps of one mesh in their order."""
        yield from ((wave, step) for wave in self.waves if wave.mesh == mesh for step in wave.steps)

    def wave(self, number: int, mesh: str) -> RecordedWave:
        """The wave of that number, in the mesh of that name if there are several."""
        found = [each for each in self.waves if each.number == number and (not mesh or each.mesh == mesh)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.mesh for each in found)
            raise PlanError(f"the recorded plan has a wave {number} in each of {names}; choose one with --mesh")
        of = f" of mesh {mesh}" if mesh else ""
        last = max((each.number for each in self.waves if not mesh or each.mesh == mesh), default=0)
        raise PlanError(
            f"the recorded plan has no wave {number}{of}; " + (f"its last one is {last}" if last else "it has none")
        )
