"""The values that travel between the layers: positions, resources, hits, findings, changes and the mesh itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from enum import IntEnum
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.versions import Version

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Route = tuple[str | int, ...]  # ("spec", "http", 0, "timeout")


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


class Severity(IntEnum):
    """How bad a finding is; a greater value is worse."""

    info = 0
    warning = 1
    error = 2
    blocker = 3


class Hit(Struct, frozen=True):
    """What a rule yields: where, the sentence, and which case of its catalogue entry it is.

    `services` names the Services (namespace/name) that need a waypoint because of it; `evidence` says what proves it.
    """

    position: Position
    message: str
    case: str = "default"
    services: tuple[str, ...] = ()
    related: tuple[Position, ...] = ()
    evidence: str | None = None


class Finding(Struct, frozen=True):
    """A hit in its context: the rule and severity of its case, the object, and the meshes in which it holds."""

    rule: str
    severity: Severity
    fails_open: bool
    ref: Ref
    hit: Hit
    fix: str
    meshes: tuple[str, ...]
    fingerprint: str = ""
    suppressed: Suppression | None = None

    @property
    def order(self) -> tuple[Any, ...]:
        return (*self.hit.position.order, self.rule, self.hit.case, self.ref, self.hit.message)


class Suppression(Struct, frozen=True):
    """Why a finding does not count: by which means, the reason, the last day (ISO date) or None, and where it is said."""

    by: str  # comment | annotation | configuration
    reason: str
    expires: str | None = None
    place: Position | None = None


class Target(Struct, frozen=True):
    """What every verdict is for."""

    istio: Version
    gateway_api: Version
    channel: str = "standard"
    platform: str | None = None
    trust_domain: str | None = None


class Mesh(Struct, frozen=True, eq=False, dict=True):
    """An immutable snapshot of one cluster or environment: resources, what could not be read, and indexes made on demand."""

    name: str
    resources: tuple[Resource[Any], ...]
    target: Target
    problems: tuple[Problem, ...] = ()
    source: str = "files"  # files | cluster | both
    scope: tuple[str, ...] = ()  # the only namespaces that a cluster was asked for; empty: all
    touched: set[str] | None = field(default=None)  # kinds asked for, recorded in tests
    peers: tuple[Mesh, ...] = ()  # the other clusters or environments of the same input; set while rules are run
    _memo: dict[Hashable, Any] = field(default_factory=dict)

    @cached_property
    def _by_kind(self) -> Mapping[type, tuple[Resource[Any], ...]]:
        found: dict[type, list[Resource[Any]]] = defaultdict(list)
        for resource in self.resources:
            found[type(resource.body)].append(resource)
        return {kind: tuple(resources) for kind, resources in found.items()}

    @cached_property
    def _by_name(self) -> Mapping[tuple[type, str, str], tuple[Resource[Any], ...]]:
        found: dict[tuple[type, str, str], list[Resource[Any]]] = defaultdict(list)
        for resource in self.resources:
            found[type(resource.body), resource.namespace, resource.name].append(resource)
        return {key: tuple(resources) for key, resources in found.items()}

    def of(self, kind: type[T]) -> tuple[Resource[T], ...]:
        """All objects of the kind, in order of file and position."""
        if self.touched is not None:
            self.touched.add(kind.__name__)
        return self._by_kind.get(kind, ())

    @cached_property
    def _by_namespace(self) -> Mapping[tuple[type, str], tuple[Resource[Any], ...]]:
        return grouped(((type(each.body), each.namespace), each) for each in self.resources)

    def within(self, kind: type[T], *namespaces: str) -> tuple[Resource[T], ...]:
        """The objects of the kind in these namespaces, one namespace after the other."""
        if self.touched is not None:
            self.touched.add(kind.__name__)
        return tuple(each for name in dict.fromkeys(namespaces) for each in self._by_namespace.get((kind, name), ()))

    def find(self, kind: type[T], namespace: str, name: str, near: str = "") -> Resource[T] | None:
        """The object of that name; of several the one whose file shares the longest path with `near`."""
        if self.touched is not None:
            self.touched.add(kind.__name__)
        found = self._by_name.get((kind, namespace, name))
        if not found:
            return None
        if len(found) == 1:
            return found[0]
        key = kind, namespace, name, near.rpartition("/")[0]
        if key not in self._memo:
            self._memo[key] = max(found, key=lambda resource: shared_path(resource.file, near))
        return self._memo[key]  # type: ignore[no-any-return]

    def is_whole(self, kind: type, namespace: str) -> bool:
        """Whether every object of the kind in that namespace was read, so that one not found does not exist.

        Never so for files: what is not in a tree may be in another one.
        """
        if self.source == "files" or (self.scope and namespace not in self.scope):
            return False
        unread = (problem for problem in self.problems if problem.kind in {None, kind.__name__})
        return not any(problem.namespace in {None, namespace} for problem in unread)

    def index(self, build: Callable[[Mesh], T]) -> T:
        """What `build` makes of this mesh, made once."""
        try:
            return self._memo[build]  # type: ignore[no-any-return]
        except KeyError:
            self._memo[build] = made = build(self)
            return made

    def kinds(self) -> Iterable[type]:
        return self._by_kind.keys()


def acquainted(meshes: Iterable[Mesh]) -> tuple[Mesh, ...]:
    """The meshes, each of which knows the others."""
    every = tuple(meshes)
    if len(every) < 2:
        return every
    return tuple(replace(each, peers=tuple(other for other in every if other is not each)) for each in every)


def shared_path(left: str, right: str) -> int:
    """How many leading folders two paths have in common."""
    count = 0
    for a, b in zip(left.split("/")[:-1], right.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


def grouped(pairs: Iterable[tuple[Hashable, T]]) -> dict[Any, tuple[T, ...]]:
    """Pairs of key and value gathered by key, in order of arrival."""
    found: dict[Hashable, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}


def numbered(items: Iterable[T]) -> Iterator[tuple[int, T]]:
    """Items counted from 1."""
    return enumerate(items, 1)
