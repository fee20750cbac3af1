"""Values as indented JSON that is safe to print, also value by value where there are many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import msgspec

_HIDDEN = re.compile(r"[^\x00-\x7e]")


def streamed(sections: Iterable[tuple[str, Any]], out: TextIO) -> None:
    """Writes one JSON object, with iterators as lists: at no time do all of their values stand in memory as text."""
    before = "{"
    for key, value in sections:
        out.write(f'{before}\n  "{key}": ')
        if isinstance(value, Iterator):
            _stream(value, out)
        else:
            out.write(_indented(value, 2))
        before = ","
    out.write("\n}\n")


def _stream(items: Iterator[Any], out: TextIO) -> None:
    before = "[\n    "
    for item in items:
        out.write(before + _indented(item, 4))
        before = ",\n    "
    out.write("[]" if before[0] == "[" else "\n  ]")


def _indented(value: Any, by: int) -> str:
    return encoded(value).replace("\n", "\n" + " " * by)


def dumped(record: dict[str, Any]) -> str:
    """A record as indented JSON with a line feed at its end."""
    return encoded(record) + "\n"


def encoded(value: Any) -> str:
    """A value as indented JSON that is safe to print.

    Characters that a terminal obeys or hides are escapes, and so is what a server of continuous integration takes for a
    command anywhere in a line (see style.visible): read back, both are what they were.
    """
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:  # names of files that are no UTF-8
        encoded = msgspec.json.encode(_as_utf8(msgspec.to_builtins(value)))
    text = msgspec.json.format(encoded, indent=2).decode()
    if "##" in text:
        text = text.replace("##", "#\\u0023")
    return text if text.isascii() and "\x7f" not in text else _HIDDEN.sub(_escape, text)


def _as_utf8(value: Any) -> Any:
    """The value with `\\udcff` spelt out for bytes that no text can hold."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_as_utf8(key): _as_utf8(each) for key, each in value.items()}
    return [_as_utf8(each) for each in value] if isinstance(value, list) else value


def _escape(found: re.Match[str]) -> str:
    """What JSON writes for characters that cannot be printed."""
    units = "" if found[0].isprintable() else found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[each : each + 4]}" for each in range(0, len(units), 4)) or found[0]
