"""Changed files as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TextIO

_MISSING = "\\ No newline at end of file\n"


def render(changed: Iterable[tuple[str, str | None, str | None]], out: TextIO) -> None:
    """Writes one hunk list for each file, in the form that `git apply` and `patch -p1` take."""
    for name, before, after in changed:
        for line in _lines(name, before, after):
            out.write(line)


def _lines(name: str, before: str | None, after: str | None) -> Iterator[str]:
    old, new = (_split(text or "") for text in (before, after))
    source = "/dev/null" if before is None else f"a/{name}"
    target = "/dev/null" if after is None else f"b/{name}"
    for line in difflib.unified_diff(old, new, source, target):
        yield line if line.endswith("\n") else f"{line}\n{_MISSING}"


def _split(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one."""
    found = text.split("\n")
    lines = [f"{line}\n" for line in found[:-1]]
    return [*lines, found[-1]] if found[-1] else lines
