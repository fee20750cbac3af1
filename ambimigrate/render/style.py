"""Colours for a terminal, and text that is safe to print there."""

from __future__ import annotations

import os
import re
from textwrap import TextWrapper
from typing import TextIO

from msgspec import Struct

from ambimigrate.model import Severity

_COLOURS = {Severity.blocker: "35", Severity.error: "31", Severity.warning: "33", Severity.info: "36"}
_VERDICTS = {"wait": "35", "needs-changes": "31", "unknown": "33", "needs-waypoint": "33", "ready": "32"}


class Style(Struct, frozen=True):
    """Escape sequences, or none of them."""

    colours: bool

    @staticmethod
    def of(out: TextIO) -> Style:
        """Colours on a terminal, unless NO_COLOR is set."""
        return Style(out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")

    def bold(self, text: str) -> str:
        return self._in("1", text)

    def dim(self, text: str) -> str:
        return self._in("2", text)

    def severity(self, severity: Severity, text: str) -> str:
        return self._in(_COLOURS[severity], text)

    def verdict(self, verdict: str, text: str) -> str:
        return self._in(_VERDICTS.get(verdict, "0"), text)

    def _in(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colours else text


def wrap(text: str, width: int, *, initial_indent: str = "", subsequent_indent: str = "") -> list[str]:
    """Lines of at most that width; names and paths are never broken, however long."""
    wrapper = TextWrapper(
        width,
        initial_indent=initial_indent,
        subsequent_indent=subsequent_indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(text)


# What servers of continuous integration take for a command in what a program prints: `::error …::` where a line begins
# (GitHub, actions/runner ActionCommand.TryParseV2; wrapping may begin a line at any word), `##[…]` anywhere in it (the same,
# TryParse) and `##vso[…]`, `##teamcity[…]` (Azure Pipelines, TeamCity).
_COMMAND = re.compile(r"(?<!\S):(?=:[A-Za-z-]+(?: |::|$))|(?<=#)#(?=\w*\[)")


def visible(text: str) -> str:
    """The text with control characters shown as escapes: no name can move the cursor, end a line or command a server."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", text) if "::" in text or "##" in text else text


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
