"""RT010: a pattern or header value that Envoy refuses, and with it everything new for its waypoint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.gatewayroutes.parents import is_of_mesh, parents
from ambimigrate.kinds import GRPCRoute, HTTPRoute
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.semantics import strings
from ambimigrate.topology import reach

PERCENT = re.compile(r"%%|%[A-Z_]+(?:\([^)]*\))?(?::\d+)?%")  # what Envoy's formatter takes


@rule("RT010", HTTPRoute, GRPCRoute)
def check(route: Resource[Any], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(mesh, route):
        return
    names = reach.listed(target.name for _, _, target in parents(mesh, route))
    stop = f"Envoy refuses it and every later change for all Services of the waypoint of {names}"
    for number, each in enumerate(route.body.spec.rules):
        for inside, case, message in _faults(each):
            yield Hit(route.at("spec", "rules", number, *inside), f"{message}: {stop}", case=case)


def _faults(rule_: Any) -> Iterator[tuple[Route, str, str]]:
    """What Envoy does not take of a rule, with its place in it and the case."""
    for index, match in enumerate(rule_.matches):
        wrong = [pattern for pattern in _patterns(match) if not _compiles(pattern)]
        yield from ((("matches", index), "pattern", f"{each!r} is no RE2 pattern") for each in wrong)
    for index, filter_ in enumerate(rule_.filters):
        lone = [value for value in _values(filter_) if "%" in PERCENT.sub("", value)]
        yield from ((("filters", index), "header", f"header value {each!r} holds a lone %") for each in lone)


def _patterns(match: Any) -> Iterator[str]:
    path = getattr(match, "path", None)
    parts = (*([path] if path else []), *match.headers, *getattr(match, "query_params", ()))
    yield from (each.value for each in parts if each.type == "RegularExpression")


def _values(filter_: Any) -> Iterable[str]:
    changes = (filter_.request_header_modifier, filter_.response_header_modifier)
    return (each.value for change in changes if change for each in (*change.set, *change.add))


def _compiles(pattern: str) -> bool:
    return strings.expression(pattern) is not None
