"""Reads folders, files and standard input: names first, then one text after the other."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ambimigrate.layout.kustomize import FILE_NAMES
from ambimigrate.model import Problem

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "<stdin>"
_UNSEARCHED = frozenset({".git"})


@dataclass
class Tree:
    """The names of the files to read, relative to `root` (what a user gave, as a prefix of every name shown)."""

    root: str
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def shown(self, name: str) -> str:
        """The name as it appears in reports: the path that was given joined with the path below it."""
        return name if not self.root else f"{self.root}/{name}" if name else self.root

    def read(self, name: str) -> str | Problem:
        """The text of a file, or why it cannot be read."""
        shown = self.shown(name)
        try:
            content = sys.stdin.buffer.read() if shown == STDIN else Path(shown).read_bytes()
        except OSError as error:
            return Problem(f"cannot be read: {error.strerror or error}", shown)
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            return Problem(
                f"is not UTF-8: {error.reason} at byte {error.start}", shown, content.count(b"\n", 0, error.start) + 1
            )


def trees(paths: Iterable[str]) -> Iterator[Tree]:
    """One tree for each argument: a folder, a file, or `-` for standard input."""
    for path in paths:
        if path == "-":
            yield Tree("", [STDIN])
        elif Path(path).is_dir():
            yield _folder(os.path.normpath(path).replace(os.sep, "/"))
        elif Path(path).is_file():
            yield Tree("", [os.path.normpath(path).replace(os.sep, "/")])
        else:
            yield Tree("", [], [Problem("no such file or folder", path)])


def _folder(root: str) -> Tree:
    tree = Tree("" if root == "." else root.rstrip("/"))
    inside = os.path.realpath(root)
    _search(tree, root, "", inside)
    tree.files.sort()
    return tree


def _search(tree: Tree, folder: str, below: str, inside: str) -> None:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        tree.problems.append(Problem(f"cannot be read: {error.strerror or error}", tree.shown(below)))
        return
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
            tree.files.append(name)


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
