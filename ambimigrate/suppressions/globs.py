"""Patterns for paths and names, as people write them: `apps/**/dev`, `team-*`."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]|.", re.DOTALL)
_MEANS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern names the path or a folder above it.

    A pattern with a slash begins at the top, one without is the name of a file or folder anywhere.
    """
    return _compiled(pattern).match(path) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    plain = pattern.removeprefix("./").rstrip("/").removesuffix("/**")
    if plain in {"", ".", "**"}:
        return re.compile("")
    start = "" if "/" in pattern.rstrip("/") else "(?:[^/]+/)*"
    try:
        return re.compile(f"{start}{''.join(_part(each) for each in _PARTS.findall(plain))}(?:/|$)", re.DOTALL)
    except re.error:  # a class such as [z-a]
        return re.compile(f"{start}{re.escape(plain)}(?:/|$)")


def _part(text: str) -> str:
    if text.startswith("[") and len(text) > 2:
        inner = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[{'^' + inner[1:] if inner.startswith('!') else inner}]"
    return _MEANS.get(text, re.escape(text))


def is_namespace(pattern: str, mesh: str, namespace: str) -> bool:
    """Whether NAMESPACE or MESH/NAMESPACE, with `*` for any characters, names the namespace of the mesh."""
    before, slash, name = pattern.rpartition("/")
    return fnmatchcase(namespace, name) and (not slash or fnmatchcase(mesh, before))
