"""The method of an entry: the names of an HTTPRoute that a VirtualService's test takes, where it takes no other."""

from __future__ import annotations

import re

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing.conditions import METHODS
from ambimigrate.converters.routing.strings import EXACT, PREFIX, PRESENT, Test, is_full_match
from ambimigrate.model import Route

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


def methods(wanted: Test, route: Route) -> tuple[str | None, ...]:
    """The methods, one entry for each; None alone means every method. Raises Refused where others pass, too."""
    if wanted.kind == PRESENT or (wanted.kind == PREFIX and not wanted.text) or wanted.text in {".*", ".+"}:
        return (None,)
    if wanted.kind == EXACT:
        found: tuple[str, ...] | None = (wanted.text,)
    else:
        found = None if wanted.kind == PREFIX else _choices(wanted.text)
    if found is not None and set(found) <= set(METHODS):
        return found
    other = next((each for each in found or _OTHERS if each not in METHODS and _passes(wanted, each)), f"{wanted.text}X")
    raise Refused(
        "match",
        route,
        f"an HTTPRoute names one of {len(METHODS)} methods; {wanted.kind} {wanted.text} takes others, too",
        f"a request with the method {other}" if wanted.kind == PREFIX or _passes(wanted, other) else None,
    )


def _passes(wanted: Test, name: str) -> bool:
    if wanted.kind == EXACT:
        return name == wanted.text
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
