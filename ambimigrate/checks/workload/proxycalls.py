"""Calls of the sidecar's own ports in commands and scripts: to end it, to wait for it, to ask it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CALL = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])\"?:(15000|15020|15021)([^\s\"'`;|&)]*)|(?<!--)\bquitquitquit")
_GUARD = re.compile(r"\|\|\s*(?:true\b|:|echo\b|/bin/true\b|exit 0)")


def calls(text: str) -> Iterator[tuple[str, str]]:
    """What a text does to a sidecar (`quits`, `waits`, `asks`) and the words that say so; what may fail is left out."""
    if "quitquitquit" not in text and ":150" not in text:
        return
    seen = set()
    for found in _CALL.finditer(text):
        what = _what(found)
        if what not in seen and not _GUARD.search(_rest(text, found.end())):
            seen.add(what)
            yield what, found[0]


def _what(found: re.Match[str]) -> str:
    if "quit" in found[0]:
        return "quits"
    return "waits" if "ready" in found[0] or found[1] == "15021" else "asks"


def _rest(text: str, start: int) -> str:
    """The rest of the command line; a backslash continues it."""
    end = start
    while (end := text.find("\n", end)) > 0 and text[end - 1] == "\\":
        end += 1
    return text[start:] if end < 0 else text[start:end]
