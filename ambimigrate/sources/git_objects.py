"""Objects of a git repository, read by plumbing commands: no checkout, no index, no hook, no filter, no network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO

from msgspec import Struct

FILE, LINK, REPOSITORY = "file", "link", "repository"
_KINDS = {"120000": LINK, "160000": REPOSITORY}
_MOST = 300  # characters of what git says
_ASKED_AT_ONCE = 200  # objects; their names fit into a pipe, so neither side waits for the other
# Nothing that a repository or a pull request can set up is run, and what a partial clone lacks is not fetched.
_SETTINGS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never")
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}

_OF_HOOKS = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})


class NoBase(Exception):
    """The base cannot be read; one line that says why and what to do."""


class GitFailed(Exception):
    """What git said, in one line."""


class Entry(Struct, frozen=True):
    """A file, link or repository inside a tree: its path below it, and the id of its content."""

    kind: str
    id: str
    path: str


def git(folder: str, *arguments: str) -> bytes:
    """What a command of git prints. Raises GitFailed, NoBase where there is no git at all."""
    try:
        done = subprocess.run(
            _command(folder, *arguments), capture_output=True, check=False, stdin=subprocess.DEVNULL, env=_env()
        )
    except OSError as error:
        raise NoBase(f"git cannot be run ({error.strerror or error}), so the base cannot be read") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split()).removeprefix("fatal: ")
        raise GitFailed("".join(c if c.isprintable() else "?" for c in said)[:_MOST])
    return done.stdout


def _command(folder: str, *arguments: str) -> list[str]:
    settings = (part for each in _SETTINGS for part in ("-c", each))
    return ["git", "-C", folder, "--no-replace-objects", "--literal-pathspecs", *settings, *arguments]


def _env() -> Mapping[str, str]:
    """The environment without what a hook of git is told: the path alone says which repository is meant."""
    return {name: value for name, value in os.environ.items() if name not in _OF_HOOKS} | _ENVIRONMENT


def entries(folder: str, tree: str, *paths: str) -> Iterator[Entry]:
    """Everything in a tree (or at some paths of it), at any depth; repositories inside of it are named only."""
    for record in git(folder, "ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths).split(b"\0"):
        head, _, path = record.partition(b"\t")
        if path:
            mode, _, oid = head.decode().split(" ")
            yield Entry(_KINDS.get(mode, FILE), oid, os.fsdecode(path))


class Objects:
    """The contents of objects, through one process that answers until it is closed.

    `order` are the ids that will be asked for, most of them in this order: those are fetched many at a time.
    """

    def __init__(self, folder: str, order: Sequence[str] = ()) -> None:
        self.folder, self.order = folder, order
        self.places = {oid: number for number, oid in enumerate(order)}
        self.next = 0
        self.ahead: dict[str, bytes] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Objects:
        return self

    def __exit__(self, _type: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self.process:
            self.process.communicate()

    def content(self, oid: str) -> bytes:
        """The content of an object. Raises NoBase if the repository does not hold it."""
        if oid in self.ahead:
            return self.ahead.pop(oid)
        place = self.places.get(oid, -1)
        if place != self.next:
            return self._fetched([oid])[oid]
        self.next = min(place + _ASKED_AT_ONCE, len(self.order))
        self.ahead = self._fetched(list(dict.fromkeys(self.order[place : self.next])))
        return self.ahead.pop(oid)

    def _fetched(self, oids: list[str]) -> dict[str, bytes]:
        ask, answer = self._pipes()
        ask.write("".join(f"{oid}\n" for oid in oids).encode())
        ask.flush()
        return {oid: self._answer(answer, oid) for oid in oids}

    def _answer(self, answer: IO[bytes], oid: str) -> bytes:
        head = answer.readline().split()
        if len(head) != 3:
            raise NoBase(
                f"{self.folder}: git has no object {oid}; a partial or damaged clone? `git fetch --refetch` completes it"
            )
        content = answer.read(int(head[2]))
        answer.read(1)
        return content

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self.process is None:
            command = _command(self.folder, "cat-file", "--batch")
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_env()
            )
        assert self.process.stdin and self.process.stdout
        return self.process.stdin, self.process.stdout
