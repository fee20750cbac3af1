"""Plain trees as block style, line by line, as the writer of YAML would lay them out, for the shapes that most objects have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*")
Scalar = Callable[[str], str]  # a string as YAML


class Unusual(Exception):
    """The tree has a shape that is left to the general writer."""


def lines(tree: Mapping[str, Any], scalar: Scalar, depth: int = 0) -> Iterator[str]:
    """The lines of a mapping, two spaces for each level. Raises Unusual."""
    for key, value in tree.items():
        if not isinstance(key, str) or (not _KEY.fullmatch(key) and scalar(key)[:1] in "\"'?"):
            raise Unusual
        start = f"{' ' * depth}{scalar(key)}:"
        if isinstance(value, Mapping) and value:
            yield start
            yield from lines(value, scalar, depth + 2)
        elif isinstance(value, list | tuple) and value:
            yield start
            for each in value:
                yield from _item(each, scalar, depth + 2)
        else:
            yield f"{start} {_leaf(value, scalar)}"


def _item(value: Any, scalar: Scalar, depth: int) -> Iterator[str]:
    if isinstance(value, list | tuple) and value:
        raise Unusual
    if not isinstance(value, Mapping) or not value:
        yield f"{' ' * depth}- {_leaf(value, scalar)}"
        return
    mark = "- "
    for line in lines(value, scalar, depth + 2):
        yield f"{line[:depth]}{mark}{line[depth + 2 :]}"
        mark = "  "


def _leaf(value: Any, scalar: Scalar) -> str:
    if isinstance(value, str):
        if "\n" in value:
            raise Unusual
        return scalar(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    raise Unusual
