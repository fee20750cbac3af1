"""Objects as they were read: each typed, with the text or the place that it comes from."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

T_co = TypeVar("T_co", covariant=True)

Route = tuple[str | int, ...]  # ("spec", "http", 0, "timeout")


def spelt(route: Route) -> str:
    """A route as people write it: `spec.http[0].timeout`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in route).removeprefix(".")


class Position(NamedTuple):
    """A place in the input: 1-based line and column, or None for a live object; `route` leads to it in the object."""

    file: str
    line: int | None
    column: int | None
    route: Route = ()

    @property
    def order(self) -> tuple[str, int, int]:
        return self.file, self.line or 0, self.column or 0


class Origin(Protocol):
    """What an object was read from: a YAML document, or a live object."""

    @property
    def file(self) -> str: ...

    def at(self, route: Route) -> Position:
        """The position of the nearest ancestor of `route` that is in the text."""
        ...


class Ref(NamedTuple):
    """The name of an object; cluster-scoped objects and objects of an unknown namespace have namespace ""."""

    kind: str
    group: str
    namespace: str
    name: str

    def __str__(self) -> str:
        if self.kind == "Mesh":
            return f"mesh {self.name}".rstrip()
        name = self.name or "(without a name)"
        return f"{self.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind} {name}"


class Level(Struct, frozen=True):
    """The innermost kustomization that makes one object only of a text that stands for several: where it is changed alone.

    The name and the rest are what the kustomizations below have made of it by then; `is_last` says that a patch added to
    its `patches` has the last word.
    """

    file: str
    name: str
    namespace: str = ""  # that they give, if any
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    is_last: bool = False


class Resource(Struct, Generic[T_co], frozen=True, eq=False):
    """A typed object with its origin; `base` leads to it inside the document (an item of a List).

    `overlaid` are the routes at which a patch of an overlay made it other than its text and the simple transformers say;
    `levels` are where it can be changed without the other objects that its text stands for; `addressed` are patches and
    replacements of overlays that name it.
    """

    ref: Ref
    body: T_co
    origin: Origin
    base: Route = ()
    shared: bool = False  # belongs to no environment, hence to all
    overlaid: tuple[Route, ...] = ()
    levels: tuple[Level, ...] = ()
    addressed: tuple[Position, ...] = ()

    @property
    def namespace(self) -> str:
        return self.ref.namespace

    @property
    def name(self) -> str:
        return self.ref.name

    @property
    def kind(self) -> str:
        return self.ref.kind

    @property
    def file(self) -> str:
        return self.origin.file

    def at(self, *route: str | int) -> Position:
        found = self.origin.at(self.base + route)
        return found._replace(route=found.route[len(self.base) :])


class Problem(Struct, frozen=True):
    """Input that could not be read; `namespace` is the one that it would have told about, None if that is unknown."""

    message: str
    file: str
    line: int | None = None
    namespace: str | None = None
    kind: str | None = None
