"""The git repository around a tree: whether it is clean, and commits of named files. Nothing is ever pushed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path


class GitError(Exception):
    """What git said, in one line."""


def root(path: str) -> Path | None:
    """The work tree that holds the folder, None if there is none or no git."""
    try:
        return Path(_git(path, "rev-parse", "--show-toplevel").strip())
    except GitError:
        return None


def origin(path: str) -> str:
    """Where the repository comes from, empty if it says nothing of that."""
    try:
        return _git(path, "config", "--get", "remote.origin.url").strip()
    except GitError:
        return ""


def changed(path: str) -> tuple[str, ...]:
    """The files below the folder that differ from the last commit or are not in it, as paths from the work tree's root."""
    found = _git(path, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--", ".")
    return tuple(entry[3:] for entry in found.split("\0") if len(entry) > 3)


def commit(path: str, files: Iterable[str], message: str) -> str:
    """Commits these files, as they are now, and nothing else; gives the short hash. The author is the one git is set up for."""
    names = [os.path.realpath(Path(name).parent) + os.sep + Path(name).name for name in files]
    _git(path, "add", "--all", "--", *names)
    _git(path, "commit", "--quiet", "--only", "--message", message, "--", *names)
    return _git(path, "rev-parse", "--short", "HEAD").strip()


def _git(path: str, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", path, *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror or error}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace").strip()
        raise GitError(f"git {arguments[0]}: {' '.join(said.split())[:300]}")
    return done.stdout.decode(errors="surrogateescape")
