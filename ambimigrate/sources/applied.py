"""Which folders Argo CD and Flux apply, to which cluster and into which namespace, as their objects in the tree say."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from ambimigrate.decode import Decoder
from ambimigrate.kinds import Application, ApplicationSet, FluxKustomization
from ambimigrate.kinds.delivery import Destination
from ambimigrate.layout import Space
from ambimigrate.model import Resource, shared_path
from ambimigrate.sources.application_sets import applications

_OPEN = "{{"
_OWN = frozenset({"in-cluster", "https://kubernetes.default.svc", ""})  # the cluster that Argo CD itself runs in


class Applied(Struct, frozen=True):
    """Folder -> cluster, as far as the objects tell clusters apart, and folder -> namespace of what names none."""

    meshes: Mapping[str, str] = {}
    spaces: Mapping[str, Space] = {}


class _Folder(Struct, frozen=True):
    folder: str
    mesh: str  # empty: no telling
    space: Space | None


def applied(decoder: Decoder, names: Iterable[str]) -> Applied:
    """What the objects that were read say."""
    objects = {id(each): (mesh, each) for mesh, resources in decoder.resources.items() for each in resources if _applies(each)}
    if not objects:
        return Applied()
    folders = tuple(sorted({parent for name in names for parent in _parents(name)}))
    found = [part for mesh, each in objects.values() for part in _of(each, "" if each.shared else mesh, folders)]
    meshes, spaces = defaultdict[str, set[str]](set), defaultdict[str, set[Space]](set)
    for each in found:
        meshes[each.folder].add(each.mesh)
        if each.space is not None:
            spaces[each.folder].add(each.space)
    several = len({name for names in meshes.values() for name in names}) > 1
    return Applied(
        {folder: min(names) for folder, names in meshes.items() if len(names) == 1 and several and all(names)},
        {folder: min(each, key=lambda space: space.namespace) for folder, each in spaces.items() if len(each) == 1},
    )


def _applies(resource: Resource[Any]) -> bool:
    return isinstance(resource.body, Application | ApplicationSet | FluxKustomization)


def _of(resource: Resource[Any], mesh: str, folders: tuple[str, ...]) -> Iterator[_Folder]:
    if isinstance(resource.body, FluxKustomization):
        spec = resource.body.spec
        space = Space(spec.target_namespace, is_forced=True) if spec.target_namespace else None
        if (folder := _found(spec.path, resource.file, folders)) is not None:
            yield _Folder(folder, mesh, space)
        return
    for each in applications(resource, folders):
        namespace = each.spec.destination.namespace
        space = Space(namespace) if namespace and _OPEN not in namespace else None
        for source in (each.spec.source, *each.spec.sources):
            path = str((source or {}).get("path") or "")
            if (folder := _found(path, resource.file, folders)) is not None:
                yield _Folder(folder, cluster(each.spec.destination, mesh), space)


def cluster(into: Destination, own: str) -> str:
    """The name of the cluster that an Application fills; `own` is that of the object itself, if anything tells."""
    name, server = into.name, into.server
    if _OPEN in name + server:
        return ""
    if {name, server} <= _OWN:
        return own or ("in-cluster" if name or server else "")
    return name if name not in _OWN else urlsplit(server).hostname or server


def _found(path: str, near: str, folders: tuple[str, ...]) -> str | None:
    """The folder of a path from the root of its repository, which may lie above or below the root of the tree."""
    wanted = posixpath.normpath(path).strip("./")
    if not wanted or _OPEN in wanted:
        return None
    ends = [each for each in folders if f"/{each}".endswith(f"/{wanted}")]
    return max(ends, key=lambda each: (shared_path(f"{each}/", near), each), default=None)


def _parents(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        if name == "/":
            return
        yield name
