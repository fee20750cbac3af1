"""How Envoy compares strings: exactly, by prefix, by path element, by RE2 expression, or not at all."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import Struct


class Exact(Struct, frozen=True):
    value: str
    ignore_case: bool = False


class Prefix(Struct, frozen=True):
    value: str
    ignore_case: bool = False


class Elements(Struct, frozen=True):
    """A prefix of whole path elements: `/a` accepts `/a` and `/a/b`, not `/ab`."""

    value: str


class Regex(Struct, frozen=True):
    """An RE2 expression that the whole string has to match."""

    pattern: str


class Present(Struct, frozen=True):
    pass


Test = Exact | Prefix | Elements | Regex | Present


def accepts(test: Test, text: str) -> bool:
    match test:
        case Exact(value, ignore_case):
            return _folded(text) == _folded(value) if ignore_case else text == value
        case Prefix(value, ignore_case):
            return _folded(text).startswith(_folded(value)) if ignore_case else text.startswith(value)
        case Elements(value):
            return text.startswith(value) and text[len(value) : len(value) + 1] in {"", "/"}
        case Regex(pattern):
            compiled = expression(pattern)
            return compiled is not None and compiled.fullmatch(text) is not None
        case Present():
            return True


def _folded(text: str) -> bytes:
    return text.encode().lower()  # of bytes, only the ASCII letters fold, as in Envoy


@lru_cache(maxsize=4096)
def expression(pattern: str) -> Any:
    """The compiled RE2 expression, None for one that RE2 rejects: it never takes effect."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def never() -> Any:
    """An expression that matches nothing, in the place of one that RE2 rejects."""
    return expression(r"[^\x00-\x{10FFFF}]")


def quoted(text: str) -> str:
    """An expression that only the text itself matches."""
    import re2

    return str(re2.escape(text))
