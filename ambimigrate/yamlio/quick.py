"""The place of a key or item in plain block YAML, read off its lines; whatever is not plain is left to libyaml."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache

from ambimigrate.model import Route
from ambimigrate.yamlio.scalars import plain

# What makes lines say something else than they seem to: tabs, returns, merge keys, quoted and complex keys, flow and quoted
# scalars over several lines, anchors, aliases, tags, lists in lists, items that begin on the next line.
_ODD_TEXT = ("\t", "\r", "<<:")
_ODD_LINE = re.compile(r"\n *(?:[\]},\[{%?\"']|- *(?:[-?#\n]|[\"'][^\n]*[\"'] *:))")
_ODD_VALUE = re.compile(r"[:-] +(?:[&*!]|[\[{](?:[^\n]*[^\]}\n])?$|\"(?![^\"\\\n]*\"$)|'(?![^'\n]*'$))", re.MULTILINE)
_BEFORE = re.compile(r"(?:---[ ]*\n)?(?:[ ]*(?:#[^\n]*)?\n)*(?=[A-Za-z{])")  # what may stand before a mapping without odd marks
_FIRST = re.compile(r"^( *)(- )?[^ #\n]", re.MULTILINE)
_NOTHING = re.compile(r" *(?:#.*)?$", re.MULTILINE)
_NO_WORD = r"(?![ \n#]|-[ \n]|[A-Za-z][\w./-]*:(?:[ \n]|$))."  # what stands in the column of a mapping and is no such key
_KEY = re.compile(r"[\w./-]+:(?=[ \n])")

_LONG = 1 << 14  # letters of a text of which line feeds are counted once for all places
_RECENT = 256  # what was found last of a long list is asked for again and again

Region = tuple[int, int, int]  # where the text of a mapping or a list begins and ends, and its column


def lines_before(text: str, place: int) -> int:
    """How many lines end before the place."""
    return bisect_left(_ends(text), place) if len(text) > _LONG else text.count("\n", 0, place)


@lru_cache(maxsize=32)
def _ends(text: str) -> tuple[int, ...]:
    return tuple(match.start() for match in re.finditer("\n", text))


@lru_cache(maxsize=32)
def is_plain(text: str) -> bool:
    """Whether the lines of a document say all there is to know about where its keys stand."""
    first = _FIRST.search(text)
    if first is None or first[1] or first[2] or not text.isascii() or any(odd in text for odd in _ODD_TEXT):
        return False
    return not _ODD_LINE.search(f"\n{text}") and not _ODD_VALUE.search(text)


def nearest(text: str, route: Route) -> tuple[int, int] | None:
    """Where the nearest ancestor of the route that is in the text begins, and its depth; None if only libyaml can tell."""
    begin = _BEFORE.match(text)
    if begin is None or not route:
        return (begin.end(), 0) if begin else None
    if not is_plain(text):
        return None
    region: Region | None = (0, len(text), 0)
    at = begin.end()
    for number, step in enumerate(route):
        if number:
            region = _inside(text, region, at, route[number - 1], is_list=isinstance(step, int)) if region else None
        if region is None:
            return None
        found = _item(text, region, step) if isinstance(step, int) else _key(text, region, step)
        if found is None:
            return (at, number) if isinstance(step, str) and _is_absent(text, region, step) else None
        at = found
    return at, len(route)


def _is_absent(text: str, region: Region, name: str) -> bool:
    """Whether a name that was not found is no key, however written: all keys of the mapping are words that mean themselves."""
    start, end, column = region
    return isinstance(plain(name), str) and not _lines(column, _NO_WORD).search(text, start, end)


@cache
def _lines(column: int, begin: str) -> re.Pattern[str]:
    return re.compile(f"^{' ' * column}{begin}", re.MULTILINE)


@lru_cache(maxsize=_RECENT)
def _key(text: str, region: Region, name: str) -> int | None:
    """The last of that name in a mapping; the first key of an item stands behind its dash."""
    start, end, column = region
    found = text.rfind(f"\n{' ' * column}{name}:", max(start - 1, 0), end) + 1 + column
    if found <= column:  # not found
        found = start
    after = found + len(name)
    return found if text.startswith(f"{name}:", found) and text[after + 1 : after + 2] in {" ", "\n", ""} else None


def _item(text: str, region: Region, index: int) -> int | None:
    found = _items(text, region)
    return found[index] if 0 <= index < len(found) else None


@lru_cache(maxsize=_RECENT)
def _items(text: str, region: Region) -> tuple[int, ...]:
    start, end, column = region
    return tuple(match.end() for match in _lines(column, "- +").finditer(text, start, end))


@lru_cache(maxsize=_RECENT)
def _inside(text: str, region: Region, at: int, step: str | int, *, is_list: bool) -> Region | None:
    """What lies in the key or item that begins at `at`: a mapping or a list, as the following step wants."""
    _, end, column = region
    if isinstance(step, int):
        after = _lines(column, "- ").search(text, at, end)
        inner = at - text.rfind("\n", 0, at) - 1
        return (at, after.start() if after else end, inner) if _KEY.match(text, at) and not is_list else None
    rest = _NOTHING.match(text, at + len(step) + 1)
    first = _FIRST.search(text, rest.end() + 1, end) if rest else None
    if first is None:
        return None
    inner = len(first[1])
    if is_list:
        return (first.start(), _end(text, first.start(), end, column, inner), inner) if first[2] and inner >= column else None
    return (first.start(), _end(text, first.start(), end, column, inner), inner) if not first[2] and inner > column else None


def _end(text: str, start: int, end: int, column: int, inner: int) -> int:
    """Where the lines end that belong to a key at `column`; the items of its list may stand in the same column."""
    if inner == column:
        found = _lines(0, f"(?: {{{column}}}[^ #\n-]| {{0,{column - 1}}}[^ #\n])" if column else "[^ #\n-]").search(
            text, start, end
        )
    else:
        found = _lines(0, f" {{0,{column}}}[^ #\n]").search(text, start, end)
    return found.start() if found else end
