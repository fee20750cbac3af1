"""Texts that patterns match: of regular expressions, of the wildcards of policies, of path templates."""

from __future__ import annotations

import re
from functools import lru_cache

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False
_STEPS = (
    (re.compile(r"^\^|\$$"), ""),
    (re.compile(r"\(\?[a-zA-Z]+\)"), ""),
    (re.compile(r"\(\?:|\(\?P<\w+>"), "("),
    (re.compile(r"\\d"), "7"),
    (re.compile(r"\\[wSD]"), "x"),
    (re.compile(r"\\s"), " "),
    (re.compile(r"\\Q(.*?)\\E"), r"\1"),
    (re.compile(r"\[\^[^\]]*\]"), "x"),
    (re.compile(r"\[\\?(.)[^\]]*\]"), r"\1"),
    (re.compile(r"(?<!\\)\."), "x"),
    (re.compile(r"(?<!\\)[*+]\??"), ""),
)
_GROUP = re.compile(r"(?<!\\)\(([^()|]*)(?:\|[^()]*)?\)(\?)?")
_COUNT = re.compile(r"(.)\{(\d+)(?:,\d*)?\}")
_QUERY = re.compile(r"(?<!\\)\?")


@lru_cache(maxsize=4096)
def of_regex(pattern: str) -> str | None:
    """A text that the whole pattern matches, None if none is found."""
    text = pattern
    for step, replacement in _STEPS:
        text = step.sub(replacement, text)
    for _ in range(8):
        text = _GROUP.sub(r"\1", text)
    text = _COUNT.sub(lambda found: found[1] * min(int(found[2]), 64), text)
    text = _QUERY.sub("", text).partition("|")[0]
    for candidate in (text, re.sub(r"\\(.)", r"\1", text), "/", "x", "/x"):
        if _fits(pattern, re.sub(r"\\(.)", r"\1", candidate)):
            return re.sub(r"\\(.)", r"\1", candidate)
    return None


def _fits(pattern: str, text: str) -> bool:
    try:
        return re2.compile(pattern, _QUIET).fullmatch(text) is not None
    except re2.error:
        return False


def of_wildcard(value: str) -> str:
    """Of a value of a policy: `a*`, `*a`, `*`, or a path template with `{*}` and `{**}`."""
    value = value.replace("{**}", "x/y").replace("{*}", "x")
    if value == "*":
        return "x"
    return value[:-1] if value.endswith("*") else f"x{value[1:]}" if value.startswith("*") else value


def of_path(value: str) -> str:
    """The same for a path, which begins with a slash."""
    found = of_wildcard(value)
    return found if found.startswith("/") else f"/{found}"
