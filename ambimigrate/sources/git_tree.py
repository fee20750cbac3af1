"""A tree of files whose texts come from a commit, with a copy on disk where a renderer wants one."""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from msgspec import field

from ambimigrate.model import Problem
from ambimigrate.sources.files import HELMFILE, OWN, SUFFIXES, TEMPLATED, Tree
from ambimigrate.sources.git_links import led
from ambimigrate.sources.git_listing import Listing, Stored, folders, is_read
from ambimigrate.sources.git_objects import FILE


class GitTree(Tree):
    """The files below a path as a commit has them, under the names that the path's own files have."""

    stored: Mapping[str, Stored] = field(default_factory=dict)
    place: str = ""  # where the path really stands, which says what links out of it lead to
    stack: ExitStack = field(default_factory=ExitStack)
    copy: Path | None = None

    def content(self, name: str) -> bytes:
        """The bytes of a file as they were committed."""
        return self.stored[name].content()

    def on_disk(self, shown: str) -> Path:
        """The place in the copy, which is made when somebody asks and goes with the stack."""
        if self.copy is None:
            self.copy = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="ambimigrate-"))).resolve()
            write(self.stored, self.copy)
        return self.copy / posixpath.relpath(shown or ".", self.root or ".")


def fill(tree: GitTree, found: Listing) -> None:
    """Puts into the tree what is read of a listing, as reading the folder itself would."""
    tree.stored = found.stored
    links = {path: os.fsdecode(each.content()) for path, each in found.stored.items() if each.kind != FILE}
    places = folders(iter(found.stored))
    for path, each in found.stored.items():
        if HELMFILE.fullmatch(posixpath.basename(path)):
            tree.skipped[TEMPLATED] += 1
        if each.kind != FILE:
            _link(tree, path, links, places)
        elif is_read(path) and OWN not in path.split("/"):
            tree.files.append(path)
    tree.skipped["submodule"] += len(found.empty)
    for path, why in found.lacking.items():
        tree.problems.append(Problem(f"is a submodule whose commit at the base is not here: {why}", tree.shown(path)))
    tree.skipped = +tree.skipped
    tree.files.sort()
    tree.problems.sort(key=lambda problem: problem.file)


def _link(tree: GitTree, path: str, links: Mapping[str, str], places: set[str]) -> None:
    """Links are not followed: what they lead to inside the tree is read at its own place."""
    end = led(path, links)
    outside = Path(tree.place, posixpath.dirname(path), links[path])
    is_folder = end in places if end is not None else outside.is_dir()
    if not path.endswith(SUFFIXES) and not is_folder:
        return
    if end is not None and (is_folder or end in tree.stored):
        tree.skipped["link inside the tree"] += 1
    elif end is not None or not outside.exists():
        tree.problems.append(Problem("is a link to nothing", tree.shown(path)))
    else:
        tree.problems.append(Problem("is a link that leaves the tree; it is not followed", tree.shown(path)))


def write(stored: Mapping[str, Stored], folder: Path) -> None:
    """The files as they were committed, without any filter; of links those that stay inside."""
    links = {path: os.fsdecode(each.content()) for path, each in stored.items() if each.kind != FILE}
    for path, each in stored.items():
        if each.kind == FILE:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as out:
                out.write(each.content())
    for path, target in links.items():
        if led(path, links) is not None:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
