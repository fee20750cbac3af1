"""What a commit holds below a path: files and links, also those of submodules that were fetched."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct, field

from ambimigrate.layout.kustomize import FILE_NAMES
from ambimigrate.sources.files import SUFFIXES
from ambimigrate.sources.git_objects import FILE, REPOSITORY, GitFailed, Objects, entries

_UNSAFE = frozenset({"", ".", "..", ".git"})  # steps that no tree made by git itself has


class Stored(Struct, frozen=True):
    """A file or link: what it is, the id of its content, and who gives that."""

    kind: str
    id: str
    objects: Objects

    def content(self) -> bytes:
        return self.objects.content(self.id)


class Listing(Struct):
    """Everything by its path; `lacking` are submodules whose commit is not here, `empty` those that were never fetched."""

    stored: dict[str, Stored] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)


def is_read(path: str) -> bool:
    """Whether files of that name are read for what they hold."""
    return path.endswith(SUFFIXES) or posixpath.basename(path) in FILE_NAMES


class Part(Struct, frozen=True):
    """A tree of some repository: where git is asked for it, where it stands on disk, and under which path it is listed."""

    repository: str
    place: str
    tree: str
    above: str = ""


def listing(part: Part, stack: ExitStack) -> Listing:
    """Everything in a tree; the stack ends the processes that read its contents."""
    found = Listing()
    _add(found, part, stack)
    return found


def _add(found: Listing, part: Part, stack: ExitStack) -> None:
    every = [each for each in entries(part.repository, part.tree) if _UNSAFE.isdisjoint(each.path.split("/"))]
    order = sorted((each for each in every if each.kind == FILE and is_read(each.path)), key=lambda each: each.path)
    objects = stack.enter_context(Objects(part.repository, [each.id for each in order]))
    for each in every:
        path = posixpath.join(part.above, each.path)
        if each.kind == REPOSITORY:
            place = os.path.join(part.place, *each.path.split("/"))  # noqa: PTH118 - no link may be followed
            _submodule(found, Part(place, place, each.id, path), stack)
        else:
            found.stored[path] = Stored(each.kind, each.id, objects)


def _submodule(found: Listing, part: Part, stack: ExitStack) -> None:
    """What the commit of a submodule holds, out of the submodule's own repository; no link may lead there."""
    if not Path(part.place, ".git").exists() or os.path.realpath(part.place) != part.place:
        found.empty.append(part.above)
        return
    try:
        _add(found, part, stack)
    except GitFailed as error:
        found.lacking[part.above] = str(error)


def folders(paths: Iterator[str]) -> set[str]:
    """Every folder that holds one of the paths; the one of all of them is empty."""
    known = {""}
    for path in paths:
        while (path := posixpath.dirname(path)) not in known:
            known.add(path)
    return known
