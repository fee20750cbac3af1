"""Requests that show a condition: a text that a pattern takes, found by walking through it once."""

from __future__ import annotations

from functools import lru_cache

from ambimigrate.converters.routing.conditions import Condition
from ambimigrate.converters.routing.strings import ANY, EXACT, PREFIX, PRESENT, Test, is_full_match

_DEEPEST = 50  # brackets in a pattern that is walked through
_CLASSES = {"d": "0", "w": "a", "s": " ", "S": "x", "D": "x", "W": "-"}


def sample(condition: Condition, host: str, port: int) -> str:
    """A request that meets the condition, in words where it needs a pattern that is hard to meet."""
    query = "&".join(f"{name}={shown(test)}" for name, test in condition.query.items())
    own = shown(condition.headers["host"]) if "host" in condition.headers else f"{host}:{port}"
    text = f"{condition.method or 'GET'} http://{own}{_path(condition.path)}" + (f"?{query}" if query else "")
    headers = ", ".join(f"{name}: {shown(test)}" for name, test in condition.headers.items() if name != "host")
    return f"{text} with {headers}" if headers else text


def _path(test: Test) -> str:
    if test.kind == ANY:
        return "/"
    found = shown(test)
    return f"/… that matches {test.text}" if found.startswith("<") else found


def shown(test: Test) -> str:
    """A text that passes the test, in brackets where only the pattern is known."""
    if test.kind == EXACT:
        return test.text
    if test.kind in {PREFIX, PRESENT, ANY}:
        return f"{test.text}x"
    return example(test.text) or f"<{test.text}>"


@lru_cache(maxsize=1024)
def example(pattern: str) -> str | None:
    """A text that the pattern takes, None if a simple walk finds none."""
    found = _choice(pattern, 0)[0] if pattern.count("(") <= _DEEPEST else ""
    return found if is_full_match(pattern, found) else None


def _choice(pattern: str, place: int) -> tuple[str, int]:
    """The text for the first branch up to the closing bracket, and where that stands."""
    text, place = _sequence(pattern, place)
    while place < len(pattern) and pattern[place] == "|":
        _, place = _sequence(pattern, place + 1)
    return text, place


def _sequence(pattern: str, place: int) -> tuple[str, int]:
    found = ""
    while place < len(pattern) and pattern[place] not in "|)":
        text, place = _atom(pattern, place)
        end = pattern[place : place + 1]
        if end == "{" and "}" in pattern[place:]:
            least, place = pattern[place + 1 :].partition("}")[0].partition(",")[0], pattern.index("}", place) + 1
            text *= int(least) if least.isdigit() and len(least) < 3 else 0
        elif end in {"*", "?", "+"}:
            text, place = (text if end == "+" else ""), place + 1
            place += pattern[place : place + 1] == "?"
        found += text
    return found, place


def _atom(pattern: str, place: int) -> tuple[str, int]:
    first = pattern[place]
    if first == "\\":
        name = pattern[place + 1 : place + 2]
        return _CLASSES.get(name, "" if name.isalnum() else name), place + 2
    if first == "(":
        start = pattern.find(":", place) + 1 if pattern.startswith("(?:", place) else place + 1
        text, end = _choice(pattern, start)
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
