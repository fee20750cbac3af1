"""Tests of one string, as Envoy makes them, and what can be proved of two: one implies the other, or no string passes both."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct

EXACT, PREFIX, REGEX, PRESENT, ANY = "exact", "prefix", "regex", "present", "any"
EVERYTHING = ".*"  # text of ANY where the path was this pattern: a rewrite then replaces all of it
_META = r"\.+*?()|[]{}^$"


class Test(Struct, frozen=True):
    """A test of one string; `fold` compares ASCII letters without case."""

    kind: str
    text: str = ""
    fold: bool = False


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Any:
    """The pattern as Envoy compiles it, None if RE2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def quoted(text: str, *, fold: bool = False) -> str:
    """The text as a pattern that matches nothing else, with `fold` but for the case of ASCII letters.

    RE2 without case takes U+017F for s and U+212A for k, Envoy's comparison does not: these letters stand by themselves.
    """
    if not fold:
        return "".join(f"\\{each}" if each in _META else each for each in text)
    kept = (f"(?-i:[{each.upper()}{each.lower()}])" if each in "sSkK" else quoted(each) for each in text)
    return f"(?i){''.join(kept)}"


def pattern(test: Test) -> str:
    """The regular expression that matches the same strings (Envoy matches the whole string)."""
    if test.kind == ANY:
        return "/.*"  # `.*` itself would cut the list (route.go `IsCatchAllRoute`)
    if test.kind == REGEX:
        return test.text
    return quoted(test.text, fold=test.fold) + (".*" if test.kind == PREFIX else "")


def lower(text: str) -> str:
    """ASCII letters without case, as Envoy compares them."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def is_full_match(pattern: str, text: str) -> bool:
    """Whether the pattern takes the whole text; False for one that RE2 refuses."""
    found = compiled(pattern)
    return found is not None and found.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def start(pattern: str) -> str:
    """Text with which everything begins that the pattern matches as a whole; empty if that is not certain."""
    found, place = "", 0
    while place < len(pattern):
        escaped = pattern[place] == "\\"
        step = pattern[place + 1 : place + 2] if escaped else pattern[place]
        if (escaped and (step.isalnum() or not step)) or (not escaped and step in _META):
            break
        place += 1 + escaped
        after = pattern[place : place + 1]
        if after in {"*", "?", "{"}:
            break
        found += step
    return "" if _has_choice(pattern) else found


def _has_choice(pattern: str) -> bool:
    """Whether it may be a choice at its outermost level; True if that takes more than counting brackets."""
    if "|" not in pattern:
        return "\\Q" in pattern
    if "\\" in pattern or "[" in pattern:
        return True
    depth = 0
    for each in pattern:
        depth += (each == "(") - (each == ")")
        if each == "|" and not depth:
            return True
    return False


def implies(narrow: Test, wide: Test) -> bool:
    """Whether every string that passes `narrow` passes `wide`; False if that is not certain."""
    if wide.kind in {ANY, PRESENT} or wide == narrow:
        return True
    if narrow.fold and not wide.fold:
        return False
    own = start(narrow.text) if narrow.kind == REGEX else narrow.text
    text, other = (lower(own), lower(wide.text)) if wide.fold else (own, wide.text)
    match narrow.kind, wide.kind:
        case "exact", "exact":
            return text == other
        case (("exact" | "prefix" | "regex"), "prefix"):
            return text.startswith(other)
        case "exact", "regex":
            return is_full_match(wide.text, narrow.text)
    return False


def excludes(left: Test, right: Test) -> bool:
    """Whether no string passes both; False if that is not certain."""
    if {ANY, PRESENT} & {left.kind, right.kind}:
        return False
    if EXACT in {left.kind, right.kind} and REGEX in {left.kind, right.kind}:
        one, other = (left, right) if right.kind == REGEX else (right, left)
        return not one.fold and compiled(other.text) is not None and not is_full_match(other.text, one.text)
    texts = [start(each.text) if each.kind == REGEX else each.text for each in (left, right)]
    text, other_text = map(lower, texts) if left.fold or right.fold else texts
    if left.kind == right.kind == EXACT:
        return text != other_text
    if left.kind == EXACT:
        return not text.startswith(other_text)
    if right.kind == EXACT:
        return not other_text.startswith(text)
    return not (text.startswith(other_text) or other_text.startswith(text))
