"""The base of a pull request as git holds it: the same reading as of the files of that commit, without a checkout."""

from __future__ import annotations

import os
import posixpath
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.decode import Decoder, Reading
from ambimigrate.layout import lay_out
from ambimigrate.model import Target
from ambimigrate.sources.config import Config
from ambimigrate.sources.git_listing import Part, Stored, listing
from ambimigrate.sources.git_objects import FILE, LINK, GitFailed, NoBase, Objects, entries, git
from ambimigrate.sources.git_tree import GitTree, fill
from ambimigrate.sources.helmed import Asked
from ambimigrate.sources.read import read_trees

__all__ = ["NoBase", "commit", "is_plain", "merge_base", "read_base", "text", "tree_id"]

_DEEPER = "this clone is shallow: `fetch-depth: 0` (actions/checkout), GIT_DEPTH: 0 (GitLab) or `git fetch --unshallow`"
_MOST_LINKS = 10


class Place(Struct, frozen=True):
    """Where a path stands: the root of its work tree, and the path from there (empty: all of it)."""

    top: str
    below: str

    def spec(self, commit: str) -> str:
        """What stood there at a commit, as git names it."""
        return f"{commit}:{self.below}" if self.below else f"{commit}^{{tree}}"


def read_base(path: str, ref: str, target: Target, namespace: str, config: Config | None, asked: Asked) -> Reading:  # noqa: PLR0913
    """What reading the path at that commit comes to, under the names that its files have now. Raises NoBase.

    A commit that lacks the path has an empty base: a reading without objects and without problems.
    """
    place = _place(path)
    oid = _id(place, _commit(place, ref))
    if oid is None:
        return replace(Decoder(lay_out((), ())).reading(target), problems=())
    with ExitStack() as stack:
        return read_trees([_tree(path, place, oid, stack)], target, namespace, config, asked)


def _tree(path: str, place: Place, oid: str, stack: ExitStack) -> GitTree:
    name = os.path.normpath(path).replace(os.sep, "/")
    if _said(place, "cat-file", "-t", oid) == "blob":
        stored = {name: Stored(FILE, oid, stack.enter_context(Objects(place.top)))}
        return GitTree("", [name], stored=stored, stack=stack)
    folder = os.path.join(place.top, place.below) if place.below else place.top  # noqa: PTH118 - it need not be there now
    tree = GitTree("" if name == "." else name, place=folder, stack=stack)
    fill(tree, listing(Part(place.top, folder, oid), stack))
    return tree


def text(path: str, ref: str, file: str) -> str | None:
    """A file as it stood at the commit, None if it was not there or is no UTF-8; `path` tells the repository. Raises NoBase."""
    place = _place(path)
    commit = _commit(place, ref)
    real = os.path.join(os.path.realpath(Path(file).parent), Path(file).name)  # noqa: PTH118 - the file itself may be a link
    below = _below(real, place.top)
    if below is None:
        raise NoBase(f"{file} is outside of the repository of {path}, so the base says nothing about it")
    with Objects(place.top) as objects:
        content = _followed(objects, commit, below)
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None


def _followed(objects: Objects, commit: str, path: str) -> bytes | None:
    """The content of a file of the commit, through links that stay in the repository."""
    for _ in range(_MOST_LINKS):
        found = next(iter(entries(objects.folder, commit, path)), None)
        if found is None or found.path != path:
            return None
        content = objects.content(found.id) if found.kind in {FILE, LINK} else None
        if found.kind != LINK or content is None:
            return content
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.fsdecode(content)))
    return None


def commit(path: str, ref: str) -> str:
    """The commit that a name stands for in the repository of the path. Raises NoBase."""
    return _commit(_place(path), ref)


def merge_base(path: str, ref: str) -> str:
    """The commit at which what is checked out left the branch of the ref. Raises NoBase."""
    place = _place(path)
    other, head = _commit(place, ref), _commit(place, "HEAD")
    try:
        return _said(place, "merge-base", head, other)
    except GitFailed:
        more = _deeper(place) or "name another base, or rebase"
        raise NoBase(f"{ref} and HEAD have no commit in common here; {more}") from None


def tree_id(path: str, ref: str) -> str:
    """What identifies all that the commit of a ref holds, whoever made it and when. Raises NoBase."""
    place = _place(path)
    return _said(place, "rev-parse", "--verify", f"{_commit(place, ref)}^{{tree}}")


def is_plain(path: str, ref: str) -> bool:
    """Whether nothing but the commit says what reading it comes to: it has no links, submodules or charts. Raises NoBase."""
    place = _place(path)
    every = entries(place.top, _commit(place, ref))
    return all(each.kind == FILE and posixpath.basename(each.path) != "Chart.yaml" for each in every)


def _said(place: Place, *arguments: str) -> str:
    return os.fsdecode(git(place.top, *arguments)).removesuffix("\n")


def _place(path: str) -> Place:
    real = os.path.realpath(path)
    folder = Path(real)
    while not folder.is_dir():
        folder = folder.parent
    try:
        top = os.path.realpath(os.fsdecode(git(str(folder), "rev-parse", "--show-toplevel")).removesuffix("\n"))
    except GitFailed as error:
        if "not a git repository" in str(error):
            raise NoBase(f"{path} is in no git repository, so it has no base; --baseline FILE compares with a file") from None
        raise NoBase(f"git cannot read the repository of {path}: {error}") from None
    below = _below(real, top)
    if below is None:
        raise NoBase(f"{path} is not inside the work tree {top}")
    return Place(top, below)


def _below(real: str, top: str) -> str | None:
    """The path from the work tree's root, with `/` as git has it; None if it is outside."""
    if real == top:
        return ""
    inside = top.rstrip(os.sep) + os.sep
    return real.removeprefix(inside).replace(os.sep, "/") if real.startswith(inside) else None


def _commit(place: Place, ref: str) -> str:
    """The commit that a name stands for."""
    try:
        if ref and not ref.startswith("-"):
            return _said(place, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except GitFailed:
        pass
    shown = "".join(c if c.isprintable() else "?" for c in ref)
    more = _deeper(place) or "`git fetch` it, or name another base"
    raise NoBase(f"git knows no commit {shown!r} here; {more}")


def _deeper(place: Place) -> str:
    """What to do about a clone that lacks history; empty if this one does not."""
    return _DEEPER if _said(place, "rev-parse", "--is-shallow-repository") == "true" else ""


def _id(place: Place, commit: str) -> str | None:
    """The id of what stood at a place, None if there was nothing."""
    try:
        return _said(place, "rev-parse", "--verify", "--quiet", place.spec(commit))
    except GitFailed:
        return None
