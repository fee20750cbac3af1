"""Texts that pass a test: for a pattern one that it takes, found by walking through it once."""

from __future__ import annotations

import re
from functools import lru_cache

from ambimigrate.converters.routing.strings import Test, is_full_match

_DEEPEST = 50  # brackets in a pattern that is walked through
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")  # such as (?i)
_CLASSES = {"d": "0", "w": "a", "s": " ", "S": "x", "D": "x", "W": "-"}


def texts(test: Test) -> tuple[str, ...]:
    """Texts that pass the test, the most telling first; none where only the pattern is known."""
    match test.kind:
        case "exact":
            return (test.text, test.text.swapcase()) if test.fold else (test.text,)
        case "prefix":
            return (f"{test.text}x", test.text, *([f"{test.text.swapcase()}x"] if test.fold else []))
        case "present":
            return ("x",)
        case "any":
            return "/", "/x"
    return examples(test.text)


@lru_cache(maxsize=1024)
def examples(pattern: str) -> tuple[str, ...]:
    """Texts that the pattern takes, without and with what is optional; none if a simple walk finds none."""
    if pattern.count("(") > _DEEPEST:
        return ()
    found = [_choice(pattern, 0, optional=each)[0] for each in (False, True)]
    if _FLAGS.search(pattern):
        found += [each.swapcase() for each in found]
    return tuple(each for each in dict.fromkeys(found) if is_full_match(pattern, each))


def _choice(pattern: str, place: int, *, optional: bool) -> tuple[str, int]:
    """The text for the first branch up to the closing bracket, and where that stands."""
    text, place = _sequence(pattern, place, optional=optional)
    while place < len(pattern) and pattern[place] == "|":
        _, place = _sequence(pattern, place + 1, optional=optional)
    return text, place


def _sequence(pattern: str, place: int, *, optional: bool) -> tuple[str, int]:
    found = ""
    while place < len(pattern) and pattern[place] not in "|)":
        text, place = _atom(pattern, place, optional=optional)
        end = pattern[place : place + 1]
        if end == "{" and "}" in pattern[place:]:
            least, place = pattern[place + 1 :].partition("}")[0].partition(",")[0], pattern.index("}", place) + 1
            text *= int(least) if least.isdigit() and len(least) < 3 else 0
        elif end in {"*", "?", "+"}:
            text, place = (text if optional or end == "+" else ""), place + 1
            place += pattern[place : place + 1] == "?"
        found += text
    return found, place


def _atom(pattern: str, place: int, *, optional: bool) -> tuple[str, int]:
    first = pattern[place]
    if first == "\\":
        name = pattern[place + 1 : place + 2]
        return _CLASSES.get(name, "" if name.isalnum() else name), place + 2
    if first == "(" and (flags := _FLAGS.match(pattern, place)):
        return "", flags.end()
    if first == "(":
        start = pattern.find(":", place) + 1 if pattern.startswith("(?:", place) else place + 1
        text, end = _choice(pattern, start, optional=optional)
        return text, end + 1
    if first == "[":
        return _set(pattern, place + 1)
    return {".": "x", "^": "", "$": ""}.get(first, first), place + 1


def _set(pattern: str, place: int) -> tuple[str, int]:
    """One member of a set: the first, or a plain letter where members are left out."""
    end = pattern.find("]", place + 1)
    if end < 0:
        return "", len(pattern)
    if pattern[place] == "^":
        return next((each for each in "x-0/" if each not in pattern[place:end]), ""), end + 1
    if pattern[place] == "\\":
        name = pattern[place + 1]
        return _CLASSES.get(name, name), end + 1
    return pattern[place], end + 1
