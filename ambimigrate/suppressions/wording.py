"""The words of a suppression: `ignore[VS001] because … until 2027-01-31` in comments, without `ignore` in annotations."""

from __future__ import annotations

import re
from datetime import date

from msgspec import Struct

_HEAD = re.compile(r"ignore\s*\[([^\]]*)\](.*)", re.DOTALL)
_BARE = re.compile(r"\[?([A-Za-z]{2}[0-9]+(?:\s*,\s*[A-Za-z]{2}[0-9]+)*)\]?(?:\s+(.*)|)", re.DOTALL)
_FIRST = re.compile(r"until\s+(\S+)(?:\s+(.*)|)", re.DOTALL)
_LAST = re.compile(r"(.*?)\s*\buntil\s+([0-9]\S*)", re.DOTALL)
_FORM = "it reads `ignore[ID] because REASON until YYYY-MM-DD`"


class Said(Struct, frozen=True):
    """What was read of the words; `fault` says what is wrong with them."""

    ids: tuple[str, ...]
    because: str = ""
    until: str = ""
    fault: str = ""


def of_comment(text: str) -> Said:
    """What stands behind `# ambimigrate:`."""
    found = _HEAD.fullmatch(text.strip())
    return _said(found[1], found[2]) if found else Said((), fault=f"{text.strip()[:60]!r} is not understood; {_FORM}")


def of_annotation(text: str) -> tuple[Said, ...]:
    """What the annotation says: several are parted by semicolons or lines."""
    return tuple(_one(part.strip()) for part in re.split(r"[;\n]", text) if part.strip()) or (_one(""),)


def _one(text: str) -> Said:
    found = _BARE.fullmatch(text)
    form = "it reads `ID because REASON until YYYY-MM-DD`"
    return _said(found[1], found[2] or "") if found else Said((), fault=f"{text[:60]!r} is not understood; {form}")


def _said(ids: str, rest: str) -> Said:
    names = tuple(dict.fromkeys(each.strip().upper() for each in ids.split(",") if each.strip()))
    rest, until, because = rest.strip(), "", ""
    if first := _FIRST.fullmatch(rest):
        until, rest = first[1], first[2] or ""
    elif last := _LAST.fullmatch(rest):
        rest, until = last[1], last[2]
    if rest == "because" or rest.startswith("because "):
        because = rest.removeprefix("because").strip()
    elif rest:
        return Said(names, fault=f"{rest[:60]!r} is not understood; {_FORM}")
    return (
        Said(names, because, until, "" if names else f"it names no rule; {_FORM}") if is_day(until) else _no_day(names, until)
    )


def _no_day(names: tuple[str, ...], until: str) -> Said:
    return Said(names, fault=f"until {until[:20]!r}: a day reads YYYY-MM-DD")


def is_day(text: str) -> bool:
    """Whether the text is a day of the calendar as ISO writes it, or empty."""
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
