"""The conditions of a route entry, and what can be proved of two of them: one covers the other, or no request is in both."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from ambimigrate.converters.routing.strings import (
    ANY,
    EVERYTHING,
    EXACT,
    PREFIX,
    PRESENT,
    REGEX,
    Test,
    compiled,
    excludes,
    implies,
    quoted,
)

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")  # Gateway API, HTTPMethod
EVERY_PATH = Test(ANY)
Tests = Mapping[str, Test]


class Condition(Struct, frozen=True):
    """What a request must be: a path as Istio's sidecar compares it, headers and parameters by name, and the method.

    A request with a header of `without` is left out, one that lacks it if its test takes the empty string.
    """

    path: Test = EVERY_PATH
    headers: Tests = field(default_factory=dict)  # lower-case name; `host` stands for the authority
    query: Tests = field(default_factory=dict)
    method: str | None = None
    without: Tests = field(default_factory=dict)

    @property
    def is_catch_all(self) -> bool:
        """Whether Istio stops here (pilot route.go `IsCatchAllRoute`)."""
        return self.path.kind == ANY and not (self.headers or self.query or self.method or self.without)


def covers(wide: Condition, narrow: Condition) -> bool:
    """Whether every request that meets `narrow` meets `wide`; False if that is not certain."""
    return (
        implies(narrow.path, wide.path)
        and (wide.method is None or wide.method == narrow.method)
        and all(name in narrow.headers and implies(narrow.headers[name], test) for name, test in wide.headers.items())
        and all(name in narrow.query and implies(narrow.query[name], test) for name, test in wide.query.items())
        and all(name in narrow.without and _excludes_more(narrow.without[name], test) for name, test in wide.without.items())
    )


def _excludes_more(narrow: Test, wide: Test) -> bool:
    """Whether `narrow` leaves out all that `wide` does; a missing header counts as empty but where presence is asked for."""
    return implies(wide, narrow) and (narrow.kind != PRESENT or wide.kind == PRESENT or not implies(Test(EXACT), wide))


def are_disjoint(left: Condition, right: Condition) -> bool:
    """Whether no request meets both; False if that is not certain.

    Of a header sent in several lines one matching line suffices from Envoy 1.39 on (`match_headers_individually`), so that
    different values of one header exclude nothing; before, lines are joined, and what holds without this holds there, too.
    The authority and the first occurrence of a parameter are single.
    """
    if left.method is not None and right.method is not None and left.method != right.method:
        return True
    if excludes(left.path, right.path):
        return True
    if any(name in right.query and excludes(test, right.query[name]) for name, test in left.query.items()):
        return True
    return any(
        excludes(test, right.headers[name]) for name, test in left.headers.items() if name == "host" and name in right.headers
    )


def both(left: Condition, right: Condition) -> Condition | None:
    """A condition that every request of both meets and that says as much as it can; None if there is no such form."""
    path = _narrower(left.path, right.path)
    if path is None:
        return None
    headers = {**right.headers, **left.headers}
    query = {**right.query, **left.query}
    return Condition(path, headers, query, left.method or right.method)


def intersection(left: Condition, right: Condition) -> Condition | None:
    """The condition that exactly the requests of both meet, where they are not disjoint; None if there is no such form."""
    path, headers, query = (
        _narrower(left.path, right.path),
        _joined(left.headers, right.headers),
        _joined(left.query, right.query),
    )
    if path is None or headers is None or query is None:
        return None
    return replace(left, path=path, headers=headers, query=query, method=left.method or right.method)


def _narrower(left: Test, right: Test) -> Test | None:
    if implies(left, right):
        return left
    return right if implies(right, left) else None


def _joined(left: Tests, right: Tests) -> Tests | None:
    """Both lists of tests as one that has each name once."""
    found = {**left}
    for name, test in right.items():
        narrower = _narrower(left[name], test) if name in left else test
        if narrower is None:
            return None
        found[name] = narrower
    return found


__all__ = [
    "ANY",
    "EVERYTHING",
    "EVERY_PATH",
    "EXACT",
    "METHODS",
    "PREFIX",
    "PRESENT",
    "REGEX",
    "Condition",
    "Test",
    "are_disjoint",
    "both",
    "compiled",
    "covers",
    "intersection",
    "quoted",
]
