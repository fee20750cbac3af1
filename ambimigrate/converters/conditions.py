"""The conditions of a route entry, and what can be proved of two of them: one covers the other, or no request is in both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct, field

EXACT, PREFIX, REGEX, PRESENT, ANY = "exact", "prefix", "regex", "present", "any"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")  # Gateway API, HTTPMethod


class Test(Struct, frozen=True):
    """A test of one string; `fold` compares ASCII letters without case."""

    kind: str
    text: str = ""
    fold: bool = False


EVERY_PATH = Test(ANY)
EVERYTHING = ".*"  # text of ANY where the path was this pattern: a rewrite then replaces all of it


class Condition(Struct, frozen=True):
    """What a request must be: a path as Istio's sidecar compares it, headers and parameters by name, and the method."""

    path: Test = EVERY_PATH
    headers: Mapping[str, Test] = field(default_factory=dict)  # lower-case name; `host` stands for the authority
    query: Mapping[str, Test] = field(default_factory=dict)
    method: str | None = None

    @property
    def is_catch_all(self) -> bool:
        """Whether Istio stops here (pilot route.go `IsCatchAllRoute`)."""
        return self.path.kind == ANY and not self.headers and not self.query and self.method is None


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Any:
    """The pattern as Envoy compiles it, None if RE2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _lower(text: str) -> str:
    """ASCII letters without case, as Envoy compares them."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def quoted(text: str) -> str:
    """The text as a pattern that matches nothing else."""
    return "".join(f"\\{each}" if each in r"\.+*?()|[]{}^$" else each for each in text)


def _is_full_match(pattern: str, text: str) -> bool:
    found = compiled(pattern)
    return found is not None and found.fullmatch(text) is not None


def implies(narrow: Test, wide: Test) -> bool:
    """Whether every string that passes `narrow` passes `wide`; False if that is not certain."""
    if wide.kind in {ANY, PRESENT} or wide == narrow:
        return True
    if narrow.fold and not wide.fold:
        return False
    text, other = (_lower(narrow.text), _lower(wide.text)) if wide.fold else (narrow.text, wide.text)
    match narrow.kind, wide.kind:
        case "exact", "exact":
            return text == other
        case (("exact" | "prefix"), "prefix"):
            return text.startswith(other)
        case "exact", "regex":
            return _is_full_match(wide.text, narrow.text)
    return False


def excludes(left: Test, right: Test) -> bool:
    """Whether no string passes both; False if that is not certain."""
    if REGEX in {left.kind, right.kind}:
        one, other = (left, right) if right.kind == REGEX else (right, left)
        return (
            one.kind == EXACT and not one.fold and compiled(other.text) is not None and not _is_full_match(other.text, one.text)
        )
    fold = left.fold or right.fold
    text, other_text = (_lower(left.text), _lower(right.text)) if fold else (left.text, right.text)
    match left.kind, right.kind:
        case "exact", "exact":
            return text != other_text
        case "exact", "prefix":
            return not text.startswith(other_text)
        case "prefix", "exact":
            return not other_text.startswith(text)
        case "prefix", "prefix":
            return not (text.startswith(other_text) or other_text.startswith(text))
    return False


def covers(wide: Condition, narrow: Condition) -> bool:
    """Whether every request that meets `narrow` meets `wide`; False if that is not certain."""
    return (
        implies(narrow.path, wide.path)
        and (wide.method is None or wide.method == narrow.method)
        and all(name in narrow.headers and implies(narrow.headers[name], test) for name, test in wide.headers.items())
        and all(name in narrow.query and implies(narrow.query[name], test) for name, test in wide.query.items())
    )


def are_disjoint(left: Condition, right: Condition, *, one_line_headers: bool) -> bool:
    """Whether no request meets both; False if that is not certain.

    Of a header sent in several lines one matching line suffices from Envoy 1.39 on, so there different values of one header
    exclude nothing; the authority and the first occurrence of a parameter are single.
    """
    if excludes(left.path, right.path):
        return True
    if left.method is not None and right.method is not None and left.method != right.method:
        return True
    if any(name in right.query and excludes(test, right.query[name]) for name, test in left.query.items()):
        return True
    single = {name for name in left.headers.keys() & right.headers.keys() if one_line_headers or name == "host"}
    return any(excludes(left.headers[name], right.headers[name]) for name in single)


def both(left: Condition, right: Condition) -> Condition | None:
    """A condition that every request of both meets and that says as much as it can; None if there is no such form."""
    if implies(left.path, right.path):
        path = left.path
    elif implies(right.path, left.path):
        path = right.path
    else:
        return None
    headers = {**left.headers, **{name: test for name, test in right.headers.items() if name not in left.headers}}
    query = {**left.query, **{name: test for name, test in right.query.items() if name not in left.query}}
    return Condition(path, headers, query, left.method or right.method)


def sample(condition: Condition, host: str, port: int) -> str:
    """A request that meets the condition, in words where it needs a pattern."""
    path = condition.path
    shown = {ANY: "/", PREFIX: f"{path.text}x", EXACT: path.text}.get(path.kind, f"/… that matches {path.text}")
    query = "&".join(f"{name}={_value(test)}" for name, test in condition.query.items())
    own = _value(condition.headers["host"]) if "host" in condition.headers else f"{host}:{port}"
    text = f"{condition.method or 'GET'} http://{own}{shown}" + (f"?{query}" if query else "")
    headers = ", ".join(f"{name}: {_value(test)}" for name, test in condition.headers.items() if name != "host")
    return f"{text} with {headers}" if headers else text


def _value(test: Test) -> str:
    return {EXACT: test.text, PREFIX: f"{test.text}x", PRESENT: "x", ANY: "x"}.get(test.kind, f"<{test.text}>")
