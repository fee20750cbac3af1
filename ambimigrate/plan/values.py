"""What a plan consists of: waves of steps, the calls that order them, the gaps that stay, and what is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.changes import Change, Stage


class Edge(Struct, frozen=True, order=True):
    """One namespace calls another, as `because` shows; `guessed` where only a text names the Service."""

    caller: str
    callee: str
    because: str
    file: str = ""
    line: int | None = None
    guessed: bool = False


class Trigger(Struct, frozen=True):
    """What to watch in a step: a PromQL expression, and the value or change at which to stop and undo."""

    query: str
    stop_if: str


class Step(Struct, frozen=True):
    """One step; `stage` is None where no file changes.

    `changes` are what the step does to the mesh and `enrolls` the namespaces whose pods it restarts into ambient mode: the
    proof follows them; neither is printed. `namespaces` are those that its commands choose, empty where they choose all.
    """

    title: str
    stage: Stage | None
    files: tuple[str, ...]
    commands: tuple[str, ...]
    gate: tuple[str, ...]
    verify: tuple[str, ...]
    undo: tuple[str, ...]
    id: str = ""
    triggers: tuple[Trigger, ...] = ()
    unenforced: str = ""
    changes: tuple[Change, ...] = ()
    enrolls: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


class Gap(Struct, frozen=True):
    """A policy that is not enforced for these callers from one step to another, and why no other order avoids it.

    `kind`: unenforced, refused (it refuses whom nobody refused before) or unaudited; `witness`: a call that shows it.
    """

    policy: str
    callers: tuple[str, ...]
    from_step: str
    to_step: str
    why: str = ""
    kind: str = "unenforced"
    witness: str = ""


class Wave(Struct, frozen=True):
    """What is done together: steps in order, and the namespaces that become ambient in them."""

    number: int
    mesh: str
    title: str
    namespaces: tuple[str, ...]
    steps: tuple[Step, ...]
    gaps: tuple[Gap, ...] = ()


class HeldBack(Struct, frozen=True):
    """A namespace that gets nothing after `prepare`, and the findings or reasons."""

    mesh: str
    namespace: str
    because: tuple[str, ...]


class Graph(Struct, frozen=True):
    """Who calls whom in one mesh."""

    mesh: str
    edges: tuple[Edge, ...]


class Plan(Struct, frozen=True):
    """The waves of every mesh, the namespaces that stay, and the groups that call each other in a circle."""

    waves: tuple[Wave, ...]
    held: tuple[HeldBack, ...]
    cycles: tuple[tuple[str, ...], ...]
    graphs: tuple[Graph, ...] = ()
    orders: tuple[str, ...] = ()  # the orders that were compared for gaps, in words
    notes: tuple[str, ...] = ()  # what a reader has to know about the order


def numbered(made: Iterable[Step], wave: int) -> Iterator[Step]:
    """The steps with ids `WAVE.NUMBER`."""
    for number, step in enumerate(made, 1):
        yield replace(step, id=f"{wave}.{number}")
