"""The place of a key or item in plain block YAML, read off its lines; whatever is not plain is left to libyaml."""

from __future__ import annotations

import re
from functools import lru_cache

from ambimigrate.model import Route

# What makes lines say something else than they seem to: tabs, returns, merge keys, quoted and complex keys, flow and quoted
# scalars over several lines, anchors, aliases, tags, lists in lists, items that begin on the next line.
_ODD = re.compile(
    r"[\t\r]|<<:"
    r"|^ *(?:[\]},\[{%]|(?:- +)*(?:\? |[\"'][^\n]*[\"'] *:|- *$|- +#)|- +- )"
    r"|[:-] +(?:[&*!]|[\[{](?:[^\n]*[^\]}\n])?$|\"(?![^\"\\\n]*\"$)|'(?![^'\n]*'$))",
    re.MULTILINE,
)
_FIRST = re.compile(r"^( *)(- )?[^ #\n]", re.MULTILINE)
_NOTHING = re.compile(r" *(?:#.*)?$", re.MULTILINE)
_KEY = re.compile(r"[\w./-]+:(?=[ \n])")

Region = tuple[int, int, int]  # where the text of a mapping or a list begins and ends, and its column


@lru_cache(maxsize=32)
def is_plain(text: str) -> bool:
    """Whether the lines of a document say all there is to know about where its keys stand."""
    first = _FIRST.search(text)
    return first is not None and not first[1] and not first[2] and text.isascii() and not _ODD.search(text)


def offset(text: str, route: Route) -> int | None:
    """Where the key or item at the route begins; None if it is not there, or if only libyaml can tell."""
    if not route or not is_plain(text):
        return None
    region: Region | None = (0, len(text), 0)
    at = None
    for number, step in enumerate(route):
        if number:
            region = _inside(text, region, at, route[number - 1], step) if region and at is not None else None
        if region is None:
            return None
        at = _item(text, region, step) if isinstance(step, int) else _key(text, region, step)
    return at


@lru_cache(maxsize=2048)
def _lines(column: int, begin: str) -> re.Pattern[str]:
    return re.compile(f"^{' ' * column}{begin}", re.MULTILINE)


def _key(text: str, region: Region, name: str) -> int | None:
    """The last of that name in a mapping; the first key of an item stands behind its dash."""
    start, end, column = region
    found = None
    if text.startswith(f"{name}:", start) and text[start + len(name) + 1 : start + len(name) + 2] in {" ", "\n", ""}:
        found = start
    for match in _lines(column, re.escape(name) + r":(?=[ \n]|\Z)").finditer(text, start, end):
        found = match.start() + column
    return found


def _item(text: str, region: Region, index: int) -> int | None:
    start, end, column = region
    for number, match in enumerate(_lines(column, "- +").finditer(text, start, end)):
        if number == index:
            return match.end()
    return None


def _inside(text: str, region: Region, at: int, step: str | int, following: str | int) -> Region | None:
    """What lies in the key or item that begins at `at`: a mapping or a list, as the following step wants."""
    _, end, column = region
    if isinstance(step, int):
        after = _lines(column, "- ").search(text, at, end)
        inner = at - text.rfind("\n", 0, at) - 1
        return (at, after.start() if after else end, inner) if _KEY.match(text, at) and isinstance(following, str) else None
    rest = _NOTHING.match(text, at + len(step) + 1)
    first = _FIRST.search(text, rest.end() + 1, end) if rest else None
    if first is None:
        return None
    inner = len(first[1])
    if isinstance(following, int):
        return (first.start(), _end(text, first.start(), end, column, inner), inner) if first[2] and inner >= column else None
    return (first.start(), _end(text, first.start(), end, column, inner), inner) if not first[2] and inner > column else None


def _end(text: str, start: int, end: int, column: int, inner: int) -> int:
    """Where the lines end that belong to a key at `column`; the items of its list may stand in the same column."""
    if inner == column:
        less = f"|^ {{0,{column - 1}}}[^ #\n]" if column else ""
        found = re.compile(f"^ {{{column}}}[^ #\n-]{less}", re.MULTILINE).search(text, start, end)
    else:
        found = _lines(0, f" {{0,{column}}}[^ #\n]").search(text, start, end)
    return found.start() if found else end
