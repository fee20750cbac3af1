"""Envoy's own view of a route: what it matches, and what it does. Every evaluator compiles to it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ambimigrate.semantics.decision import Fault, Headers, Mirror, Retries
from ambimigrate.semantics.mutation import NOTHING, Mutation
from ambimigrate.semantics.strings import Prefix, Regex, Test


class Condition(Struct, frozen=True):
    """On a header or a query parameter."""

    name: str
    test: Test
    negated: bool = False


class Match(Struct, frozen=True):
    path: Test
    headers: tuple[Condition, ...] = ()
    query: tuple[Condition, ...] = ()


class Cluster(Struct, frozen=True):
    """What a destination means to a proxy; `backends` is None if there is no such cluster. `policy`: how it connects."""

    name: str
    backends: tuple[str, ...] | None
    policy: str = ""


class Target(Struct, frozen=True):
    """A cluster of a route with its share, and the changes that are made for it alone."""

    cluster: Cluster
    weight: int = 1
    request: Mutation = NOTHING
    response: Mutation = NOTHING
    host: str = ""


class PrefixRewrite(Struct, frozen=True):
    """Replaces the matched prefix; the whole path where the match is no prefix."""

    value: str


class RegexRewrite(Struct, frozen=True):
    """Replaces every occurrence in the path."""

    pattern: str
    substitution: str


Rewrite = PrefixRewrite | RegexRewrite


class Forward(Struct, frozen=True):
    targets: tuple[Target, ...]
    rewrite: Rewrite | None = None
    host: str = ""
    timeout: float | None = None
    retries: Retries | None = None
    mirrors: tuple[Mirror, ...] = ()
    hash: tuple[str, ...] = ()
    missing: int = 503  # the answer where the cluster does not exist


class Redirect(Struct, frozen=True):
    """`path` replaces the whole path; `rewrite` changes a part of it; neither: the path stays. Port 0: none is written."""

    code: int
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str = ""
    rewrite: Rewrite | None = None


class Answer(Struct, frozen=True):
    """The proxy answers by itself."""

    status: int
    body: str = ""


class Cors(Struct, frozen=True):
    """`forwards`: a preflight from another origin goes to the backend; else it is answered without the origin."""

    origins: tuple[Test, ...]
    grants: Headers = ()  # of the answer to a preflight
    exposes: Headers = ()  # of every other response
    forwards: bool = True


class Route(Struct, frozen=True):
    match: Match
    action: Forward | Redirect | Answer
    request: Mutation = NOTHING
    response: Mutation = NOTHING
    fault: Fault | None = None
    cors: Cors | None = None


def is_catch_all(match: Match) -> bool:
    """What Istio takes for unconditional, and after which it writes no more routes (route.go `IsCatchAllRoute`)."""
    unconditional = isinstance(match.path, Prefix) and match.path.value == "/"
    everything = isinstance(match.path, Regex) and match.path.pattern == ".*"
    return (unconditional or everything) and not match.headers and not match.query


def cut(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes up to the first catch-all."""
    kept: list[Route] = []
    for route in routes:
        kept.append(route)
        if is_catch_all(route.match):
            break
    return tuple(kept)
