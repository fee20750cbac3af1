"""The methods of an entry: those that HTTPRoutes name, and others, of which no HTTPRoute says anything."""

from __future__ import annotations

import re

from ambimigrate.converters.routing.conditions import METHODS
from ambimigrate.converters.routing.strings import EXACT, PREFIX, PRESENT, Test, is_full_match

_OTHERS = (
    "PURGE",
    "PROPFIND",
    "SEARCH",
    "REPORT",
    "LOCK",
    "MKCOL",
    "UNLOCK",
    "BIND",
    "COPY",
    "MOVE",
    "LINK",
    "get",
    "M-SEARCH",
)
_TOKEN = re.compile(r"[A-Za-z0-9-]+")


def methods(wanted: Test) -> tuple[str | None, ...]:
    """The methods, one entry for each; None alone means every method.

    Where others may pass that are not known by name, one more stands for all of them: the kind of the test and its text.
    """
    if wanted.kind == PRESENT or (wanted.kind == PREFIX and not wanted.text) or wanted.text in {".*", ".+"}:
        return (None,)
    if wanted.kind == EXACT:
        return (wanted.text,)
    names = None if wanted.kind == PREFIX else _choices(wanted.text)
    return names or (*(each for each in METHODS if _passes(wanted, each)), f"{wanted.kind} {wanted.text}")


def is_named(method: str | None) -> bool:
    """Whether an HTTPRoute can name the method."""
    return method is None or method in METHODS


def example(method: str) -> str | None:
    """One method of those that are meant, None if none is known."""
    kind, blank, text = method.partition(" ")
    if not blank:
        return method
    return next((each for each in (*_OTHERS, f"{text}X") if _passes(Test(kind, text), each)), None)


def takes(method: str | None, name: str) -> bool:
    """Whether a request with the method of that name is meant."""
    kind, blank, text = (method or name).partition(" ")
    return _passes(Test(kind, text), name) if blank else kind == name


def _passes(wanted: Test, name: str) -> bool:
    return name.startswith(wanted.text) if wanted.kind == PREFIX else is_full_match(wanted.text, name)


def _choices(pattern: str) -> tuple[str, ...] | None:
    """The names that a plain choice such as `^(GET|HEAD)$` takes; None for any other pattern."""
    text = pattern.removeprefix("^").removesuffix("$")
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].removeprefix("?:")
    elif text != pattern and "|" in text:
        return None  # `^A|B$` binds the anchors to the outer names only
    names = tuple(dict.fromkeys(text.split("|")))
    return names if all(_TOKEN.fullmatch(each) for each in names) else None
