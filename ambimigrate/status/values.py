"""What a status consists of: how far each namespace and each step is, what drifted, and what comes next."""

from __future__ import annotations

from msgspec import Struct

from ambimigrate.changes import Stage

UNDONE = frozenset({"skipped", "undone"})  # the kinds of drift that mean a step was left out or taken back by hand


class Drift(Struct, frozen=True):
    """What is not as the recorded plan expects.

    `kind`: skipped, undone, otherwise (an object differs from what the step made), held, free, more (work that the plan
    does not have), new, gone, target, files (they are further than the cluster).
    """

    kind: str
    message: str
    mesh: str = ""
    namespace: str = ""
    step: str = ""


class Next(Struct, frozen=True):
    """The step that can be done now, or why there is none; `id` is empty without a recorded plan.

    `before` are steps of the plan that come first and that files do not show.
    """

    title: str
    id: str = ""
    mesh: str = ""
    stage: str | None = None
    commands: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()


class Progress(Struct, frozen=True):
    """A step of the recorded plan: done, half, open, or unseen (files do not show it)."""

    id: str
    mesh: str
    title: str
    stage: str | None
    namespaces: tuple[str, ...]
    state: str


class Standing(Struct, frozen=True):
    """How far one namespace is; `why` says what keeps it where it is, if nothing is next."""

    mesh: str
    name: str
    stage: str  # none, or the name of a stage
    done: bool
    half_done: tuple[str, ...] = ()
    drift: tuple[Drift, ...] = ()
    next: Next | None = None
    why: str = ""


class Status(Struct, frozen=True):
    """Everything that a renderer may show."""

    namespaces: tuple[Standing, ...]
    drift: tuple[Drift, ...] = ()
    steps: tuple[Progress, ...] = ()
    next: Next | None = None
    why: str = ""

    @property
    def is_out_of_order(self) -> bool:
        """Whether a step was skipped, or undone by hand."""
        return any(each.kind in UNDONE for each in self.drift)


NONE = "none"


def named(stage: Stage | None) -> str:
    """A stage in words."""
    return stage.name if stage else NONE
