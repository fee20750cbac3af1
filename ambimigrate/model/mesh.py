"""The mesh itself: an immutable snapshot of one cluster or environment, and what is asked of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.model.gathering import grouped, shared_path
from ambimigrate.model.objects import Problem, Resource
from ambimigrate.model.reads import KINDS, Reads, spaces
from ambimigrate.versions import Version

T = TypeVar("T")
K = TypeVar("K")


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
    peers: tuple[Mesh, ...] = ()  # the other clusters or environments of the same input; set while rules are run
    reads: Reads | None = None  # notes what is asked for, if somebody wants to know
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
        if self.reads is not None:
            self.reads.now.add(kind.__name__)
        return self._by_kind.get(kind, ())

    @cached_property
    def _by_namespace(self) -> Mapping[tuple[type, str], tuple[Resource[Any], ...]]:
        return grouped(((type(each.body), each.namespace), each) for each in self.resources)

    def within(self, kind: type[T], *namespaces: str) -> tuple[Resource[T], ...]:
        """The objects of the kind in these namespaces, one namespace after the other."""
        if self.reads is not None:
            self.reads.objects(kind, *namespaces)
        return tuple(each for name in dict.fromkeys(namespaces) for each in self._by_namespace.get((kind, name), ()))

    def find(self, kind: type[T], namespace: str, name: str, near: str = "") -> Resource[T] | None:
        """The object of that name; of several the one whose file shares the longest path with `near`."""
        if self.reads is not None:
            self.reads.objects(kind, namespace)
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

    def among(self, kinds: Collection[type[Any]]) -> Iterator[Resource[Any]]:
        """All objects of these kinds, in order of file and position."""
        if self.reads is not None:
            self.reads.now.update(kind.__name__ for kind in kinds)
        wanted = frozenset(kinds)
        return (each for each in self.resources if type(each.body) in wanted)

    def spaces(self, kind: type) -> frozenset[str]:
        """The namespaces in which there are objects of the kind."""
        if self.reads is not None:
            self.reads.now.add(spaces(kind))
        return self._spaces.get(kind, frozenset())

    @cached_property
    def _spaces(self) -> Mapping[type, frozenset[str]]:
        pairs: Iterable[tuple[Any, str]] = ((type(each.body), each.namespace) for each in self.resources)
        return {kind: frozenset(names) for kind, names in grouped(dict.fromkeys(pairs)).items()}

    def kinds(self) -> frozenset[type[Any]]:
        """The kinds of which there are objects."""
        if self.reads is not None:
            self.reads.now.add(KINDS)
        return frozenset(self._by_kind)

    def index(self, build: Callable[[Mesh], T]) -> T:
        """What `build` makes of this mesh, made once; nobody may change it."""
        if self.reads is not None:
            self.reads.now.add(build)
        try:
            return self._memo[build]  # type: ignore[no-any-return]
        except KeyError:
            pass
        make = partial(build, self)
        self._memo[build] = made = self.reads.made(build, make) if self.reads else make()
        return made

    def once(self, answer: Callable[[Mesh, K], T], about: K, key: Hashable = None) -> T:
        """What `answer` says about something in this mesh, asked once for each such thing, or for each key."""
        place = about if key is None else None  # what shares a key need not share a namespace
        if self.reads is not None:
            self.reads.answer(answer, place)
        known = self._memo.get(answer)
        if known is None:
            known = self._memo[answer] = {}
        asked = about if key is None else key
        if asked not in known:
            make = partial(answer, self, about)
            known[asked] = self.reads.made(answer, make, place) if self.reads else make()
        return known[asked]  # type: ignore[no-any-return]

    def noted(self, reads: Reads) -> Mesh:
        """This mesh, noting what is asked of it; what was made without noting is made anew."""
        return replace(self, reads=reads, _memo=self._memo if not self._memo else {})


def acquainted(meshes: Iterable[Mesh]) -> tuple[Mesh, ...]:
    """The meshes, each of which knows the others."""
    every = tuple(meshes)
    if len(every) < 2:
        return every
    return tuple(replace(each, peers=tuple(other for other in every if other is not each)) for each in every)
