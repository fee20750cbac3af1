"""Reads folders, files and standard input: names first, then one text after the other."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct, field

from ambimigrate.layout.kustomize import FILE_NAMES
from ambimigrate.layout.named import names_a_kind
from ambimigrate.model import Problem

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "<stdin>"
TEMPLATED = "helmfile with templates"  # counted, not parsed
HELMFILE = re.compile(r"helmfile\.ya?ml\.gotmpl")
_POINTER = b"version https://git-lfs.github.com/spec/"  # the first line of what stands for a file that was not fetched
OWN = ".ambimigrate"  # the folder in which we keep baselines and plans
_UNSEARCHED = frozenset({".git", OWN})
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")  # what a shell makes of `<(kustomize build .)`


class Tree(Struct):
    """The names of the files to read, relative to `root` (what a user gave, as a prefix of every name shown)."""

    root: str
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def shown(self, name: str) -> str:
        """The name as it appears in reports: the path that was given joined with the path below it."""
        if not name or not self.root:
            return name or self.root
        return f"{self.root}{name}" if self.root.endswith("/") else f"{self.root}/{name}"

    def read(self, name: str) -> str | Problem:
        """The text of a file, or why it cannot be read."""
        shown = self.shown(name)
        try:
            content = self.content(name)
        except OSError as error:
            return Problem(f"cannot be read: {error.strerror or error}", shown)
        if content.startswith(_POINTER):
            self.skipped["Git LFS pointer"] += 1
            return ""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            return self._other(content, error, shown)

    def content(self, name: str) -> bytes:
        """The bytes of a file. Raises OSError."""
        return _content(self.shown(name))

    def on_disk(self, shown: str) -> Path:
        """Where a file or folder stands for programs that read it themselves, by the name that is shown."""
        return Path(shown or ".")

    def _other(self, content: bytes, error: UnicodeDecodeError, shown: str) -> str | Problem:
        """Bytes that are no UTF-8: no text at all, or a manifest in an encoding that Kubernetes does not read."""
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        if not names_a_kind(content.decode("utf-16" if wide else "latin-1", errors="replace")):
            self.skipped["not UTF-8"] += 1
            return ""
        line = 1 if wide else content.count(b"\n", 0, error.start) + 1
        return Problem("is UTF-16, not UTF-8" if wide else f"is not UTF-8: {error.reason} at byte {error.start}", shown, line)


def _content(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read()
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib takes as long as the reading itself
        return file.readall()


def trees(paths: Iterable[str]) -> Iterator[Tree]:
    """One tree for each argument: a folder, a file, or `-` for standard input; what lies in another one is not read twice."""
    given = list(dict.fromkeys(paths))
    real = {path: os.path.realpath(path) for path in given if path != "-"}
    for path in given:
        if path == "-":
            yield Tree("", [STDIN])
        elif not any(_is_inside(real[path], real[other], first) for other, first in _others(path, given)):
            yield _argument(path)


def _others(path: str, given: list[str]) -> Iterator[tuple[str, bool]]:
    """The other arguments, each with whether it stands before `path`."""
    place = given.index(path)
    return ((other, number < place) for number, other in enumerate(given) if other not in {path, "-"})


def _is_inside(path: str, other: str, first: bool) -> bool:
    return (first and path == other) or (path.startswith(other.rstrip(os.sep) + os.sep) and Path(other).is_dir())


def _argument(path: str) -> Tree:
    name = os.path.normpath(path).replace(os.sep, "/")
    if Path(path).is_dir():
        return _folder(name)
    if Path(path).is_file() or (Path(path).is_fifo() and path.startswith(_DESCRIPTORS)):
        return Tree("", [name])
    missing = not Path(path).exists()
    return Tree("", [], [Problem("no such file or folder" if missing else "is neither a file nor a folder", path)])


def _folder(root: str) -> Tree:
    tree = Tree("" if root == "." else root)
    inside = os.path.realpath(root)
    _search(tree, root, "", inside)
    tree.files.sort()
    tree.problems.sort(key=lambda problem: problem.file)  # a folder is read in any order
    return tree


def _search(tree: Tree, folder: str, below: str, inside: str) -> None:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        tree.problems.append(Problem(f"cannot be read: {error.strerror or error}", tree.shown(below)))
        return
    tree.skipped.update(TEMPLATED for entry in entries if HELMFILE.fullmatch(entry.name))
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_symlink():
            _link(tree, entry, name, inside)
        elif entry.is_dir(follow_symlinks=False):
            if entry.name in _UNSEARCHED:
                tree.skipped["excluded folder"] += 1
            else:
                _search(tree, entry.path, name, inside)
        elif entry.name.endswith(SUFFIXES) or entry.name in FILE_NAMES:
            if entry.is_file(follow_symlinks=False):
                tree.files.append(name)
            else:
                tree.problems.append(Problem("is a pipe, socket or device; it was not read", tree.shown(name)))


def _link(tree: Tree, entry: os.DirEntry[str], name: str, inside: str) -> None:
    """Links are not followed: what they lead to inside the tree is read at its own place."""
    target = os.path.realpath(entry.path)
    if not entry.name.endswith(SUFFIXES) and not os.path.isdir(target):  # noqa: PTH112
        return
    if not os.path.exists(target):  # noqa: PTH110
        tree.problems.append(Problem("is a link to nothing", tree.shown(name)))
    elif target == inside or target.startswith(inside + os.sep):
        tree.skipped["link inside the tree"] += 1
    else:
        tree.problems.append(Problem("is a link that leaves the tree; it is not followed", tree.shown(name)))
