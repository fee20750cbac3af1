"""What a status is made from: one mesh, what convert would still change in it, and what it holds."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ambimigrate.changes import Change, Held, Stage
from ambimigrate.convert import Conversion
from ambimigrate.model import Mesh, Ref, Resource, grouped
from ambimigrate.topology import gatewaypods, injection


class Work(Struct, frozen=True, eq=False):
    """One mesh with the changes that are still to be made, by namespace, and the reasons that hold namespaces."""

    mesh: Mesh
    pending: Mapping[str, tuple[Change, ...]]
    holding: Mapping[str, tuple[Held, ...]]
    path: str = ""  # of the folder that `convert` takes; empty for a cluster
    options: tuple[str, ...] = ()  # that `convert` needs to give the same
    sources: tuple[str, ...] = ()  # what `plan` reads to give the same, but for what options name

    def wants(self, namespace: str, stage: Stage, ref: Ref, verb: str) -> bool:
        """Whether convert would make such a change."""
        return any((each.stage, each.ref, each.verb) == (stage, ref, verb) for each in self.pending.get(namespace, ()))

    def first(self, namespace: str) -> Stage | None:
        """The first stage in which something is left to do."""
        return min((each.stage for each in self.pending.get(namespace, ())), default=None)

    def command(self, stage: Stage, namespaces: Iterable[str]) -> str:
        """What writes a stage of these namespaces into the files."""
        named = ("--mesh", self.mesh.name) if self.mesh.name else ()
        chosen = (word for name in namespaces for word in ("--only", name))
        return shlex.join(
            ("ambimigrate", "convert", self.path, *named, *self.options, "--stage", stage.name, *chosen, "--write")
        )

    def hold(self, namespace: str) -> str:
        """The first reason that holds the namespace, empty if none does."""
        return next((f"{', '.join(each.because)} {each.ref}: {each.reason}" for each in self.holding.get(namespace, ())), "")


def works(
    meshes: Iterable[Mesh], conversion: Conversion, path: str, options: tuple[str, ...] = (), sources: tuple[str, ...] = ()
) -> tuple[Work, ...]:
    """The work of each mesh, from one conversion of all of them."""
    changes: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for change in (*conversion.changes, *conversion.pending):
        changes[change.mesh][change.namespace].append(change)
    held: dict[str, dict[str, tuple[Held, ...]]] = defaultdict(dict)
    for (name, namespace), reasons in (conversion.holding or {}).items():
        if reasons:
            held[name][namespace] = reasons
    return tuple(
        Work(mesh, {name: tuple(each) for name, each in changes[mesh.name].items()}, held[mesh.name], path, options, sources)
        for mesh in meshes
    )


def by_ref(mesh: Mesh) -> Mapping[Ref, tuple[Resource[Any], ...]]:
    """All objects by name; a tree may hold several of one."""
    return mesh.index(_by_ref)


def _by_ref(mesh: Mesh) -> Mapping[Ref, tuple[Resource[Any], ...]]:
    return grouped((each.ref, each) for each in mesh.resources)


def takes_part(mesh: Mesh, namespace: str) -> bool:
    """Whether a namespace is of the mesh and has pods of its own to move."""
    return injection.is_meshed(mesh, namespace) and not gatewaypods.only(mesh, namespace)
