"""The rules of HTTPRoutes and GRPCRoutes as a waypoint compiles them: matches, rank, and what is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import GRPCRoute, HTTPRoute
from ambimigrate.kinds.gatewayroutes import (
    GRPCRouteMatch,
    GRPCRouteRule,
    HTTPPathMatch,
    HTTPRouteMatch,
    HTTPRouteRule,
    ValueMatch,
)
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.chain import Compiler
from ambimigrate.semantics.envoy import Condition, Match, Route
from ambimigrate.semantics.strings import Elements, Exact, Prefix, Regex, Test
from ambimigrate.semantics.waypoint_route_actions import action, header_changes, is_complete
from ambimigrate.semantics.waypoint_route_filters import cors, is_supported

Rank = tuple[bool, int, int, bool, int, int]
_PATHS = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}


class Ranked(Struct, frozen=True):
    """A route with its place in the order; the smallest rank comes first."""

    rank: Rank
    route: Route


class _Asked(Struct, frozen=True):
    """A match of either kind of route."""

    path: HTTPPathMatch | None
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()
    method: str | None = None


def is_valid(mesh: Mesh, resource: Resource[Any]) -> bool:
    """Whether the object makes any rules: one unsupported part takes away all of them (conversion.go)."""
    rules = resource.body.spec.rules
    return all(
        is_supported(mesh, rule)
        and is_complete(mesh, resource.namespace, rule)
        and all(each.path is None or each.path.type in _PATHS for each in _asked(rule))
        for rule in rules
    )


def ranked(mesh: Mesh, chain: Compiler, resource: Resource[HTTPRoute] | Resource[GRPCRoute]) -> Iterator[Ranked]:
    """A route for every match of every rule."""
    for rule in resource.body.spec.rules:
        for asked in _asked(rule):
            match = _match(asked)
            request, response = header_changes(rule)
            made = action(mesh, chain, resource.namespace, rule, match)
            yield Ranked(_rank(asked), Route(match, made, request, response, cors=cors(mesh.target.istio, rule)))


def _asked(rule: HTTPRouteRule | GRPCRouteRule) -> Iterable[_Asked]:
    if isinstance(rule, GRPCRouteRule):
        return [_called(each) for each in rule.matches] or [_Asked(None)]
    matches = rule.matches or (HTTPRouteMatch(),)
    return [_Asked(each.path or HTTPPathMatch(), each.headers, each.query_params, each.method) for each in matches]


def _called(match: GRPCRouteMatch) -> _Asked:
    """A gRPC method as a path."""
    method = match.method
    if method is None or (not method.service and not method.method):
        return _Asked(None, match.headers)
    if method.type == "RegularExpression":
        return _Asked(
            HTTPPathMatch(type="RegularExpression", value=f"/{method.service or '[^/]+'}/{method.method or '[^/]+'}"),
            match.headers,
        )
    if method.service and method.method:
        return _Asked(HTTPPathMatch(type="Exact", value=f"/{method.service}/{method.method}"), match.headers)
    if method.service:
        return _Asked(HTTPPathMatch(type="PathPrefix", value=f"/{method.service}/"), match.headers)
    return _Asked(HTTPPathMatch(type="RegularExpression", value=f"/[^/]+/{method.method}"), match.headers)


def _match(asked: _Asked) -> Match:
    headers = tuple(_condition(each, each.name.lower()) for each in _unique(asked.headers))
    if asked.method:
        headers = (Condition(":method", Exact(asked.method)), *headers)
    return Match(_path(asked.path), headers, tuple(_condition(each, each.name) for each in _unique(asked.query)))


def _unique(conditions: tuple[ValueMatch, ...]) -> Iterable[ValueMatch]:
    return {each.name: each for each in conditions}.values()


def _condition(match: ValueMatch, name: str) -> Condition:
    return Condition(name, Regex(match.value) if match.type == "RegularExpression" else Exact(match.value))


def _path(path: HTTPPathMatch | None) -> Test:
    """A prefix counts whole elements, its trailing slash counts for nothing; `/` is every path."""
    if path is None or path.type == "PathPrefix":
        value = _trimmed(path)
        return Prefix(value) if value == "/" else Elements(value)
    return Exact(path.value) if path.type == "Exact" else Regex(path.value)


def _trimmed(path: HTTPPathMatch | None) -> str:
    value = path.value if path else "/"
    return value.removesuffix("/") or "/"


def _rank(asked: _Asked) -> Rank:
    """conversion.go `sortHTTPRoutes`: no match last, exact paths first, longer text first, then method, headers, query."""
    path = asked.path
    length = 0 if path is None else len(_trimmed(path) if path.type == "PathPrefix" else path.value)
    return (
        path is None and not asked.headers,
        _PATHS[path.type] if path else 3,
        -length,
        asked.method is None,
        -len(list(_unique(asked.headers))),
        -len(list(_unique(asked.query))),
    )
