"""One entry of `match`: from a VirtualService's fields to conditions, and from conditions to the match of an HTTPRoute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.converters.routing.conditions import EVERY_PATH, Condition
from ambimigrate.converters.routing.methods import methods
from ambimigrate.converters.routing.strings import (
    ANY,
    EVERYTHING,
    EXACT,
    PREFIX,
    PRESENT,
    REGEX,
    Test,
    compiled,
    is_full_match,
    quoted,
)
from ambimigrate.kinds.routes import HTTPMatch, StringMatch
from ambimigrate.model import Route

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")  # Gateway API, HTTPHeaderName
_PARAMETER = _HEADER
_PATH = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*")  # Gateway API, CEL rules of HTTPPathMatch
_FORBIDDEN = ("//", "/./", "/../", "%2f", "%2F", "#")
LONGEST_PATTERN = 1024
_LONGEST_VALUE, _LONGEST_PARAMETER = 4096, 1024
_PLAIN_VALUE = re.compile(r"[!-~]+(?:[\t ][!-~]+)*")  # what the experimental channel admits


def conditions(match: HTTPMatch, route: Route, account: Account) -> tuple[Condition, ...]:
    """What the entry asks of a request, one condition for each method; none if no request meets it. Raises Refused."""
    _refuse_source(match, route, account)
    account.carry(route, "name", "statPrefix", "port", "gateways", "ignoreUriCase")
    if match.scheme is not None:
        account.carry(route, "scheme")
        if not _accepts_http(match.scheme, (*route, "scheme")):
            return ()
    headers = _headers(match.headers, (*route, "headers"), account)
    without = _headers(match.without_headers, (*route, "withoutHeaders"), account)
    without = {name: Test(PRESENT) if test == Test(REGEX, "*") else test for name, test in without.items()}
    if match.authority is not None:
        headers["host"] = _test(match.authority, (*route, "authority"), account)
    query = {}
    for name, wanted in match.query_params.items():
        if not _PARAMETER.fullmatch(name):
            raise Refused("match", (*route, "queryParams", name), f"an HTTPRoute cannot name the parameter {name!r}")
        query[name] = _test(wanted, (*route, "queryParams", name), account)
    path = _path(match, route, account)
    return tuple(Condition(path, headers, query, each, without) for each in _methods(match.method, (*route, "method"), account))


def _refuse_source(match: HTTPMatch, route: Route, account: Account) -> None:
    for name, used in (("sourceLabels", match.source_labels), ("sourceNamespace", match.source_namespace)):
        if used and match.gateways:
            account.left[(*route, name)] = "no proxy reads it where gateways are named"  # route.go `sourceMatchHTTP`
        elif used:
            raise Refused("source", (*route, name), f"{name} asks who the caller is; a waypoint routes all callers alike")


def _accepts_http(scheme: StringMatch, route: Route) -> bool:
    """Whether plain HTTP, which is what proxies of the mesh see, has the scheme."""
    if scheme.exact is not None:
        return scheme.exact == "http"
    if scheme.prefix is not None:
        return "http".startswith(scheme.prefix)
    if scheme.regex is None:
        return True
    if compiled(scheme.regex) is None:
        raise Refused("match", route, f"RE2 refuses {scheme.regex!r}")
    return is_full_match(scheme.regex, "http")


def _headers(wanted: Mapping[str, StringMatch], route: Route, account: Account) -> dict[str, Test]:
    found: dict[str, Test] = {}
    for name, each in wanted.items():
        here = (*route, name)
        if name.startswith("@request.auth"):
            raise Refused("match", here, f"{name} asks for a claim, which only gateways read")
        if not _HEADER.fullmatch(name) or name.lower() == "host":
            raise Refused("match", here, f"an HTTPRoute cannot ask for {name} as the VirtualService does")
        test = _test(each, here, account)
        if found.setdefault(name.lower(), test) != test:
            raise Refused("match", here, f"{name} is asked for twice in different ways, an HTTPRoute has each header once")
    return found


def _test(wanted: StringMatch, route: Route, account: Account) -> Test:
    for kind, text in ((EXACT, wanted.exact), (PREFIX, wanted.prefix), (REGEX, wanted.regex)):
        if text is None:
            continue
        account.carry(route, kind)
        if kind == REGEX and compiled(text) is None and not (text == "*" and route[-2] == "withoutHeaders"):
            raise Refused("match", (*route, kind), f"RE2 refuses {text!r}")
        return Test(kind, text)
    account.carry(route)
    return Test(PRESENT)


def _path(match: HTTPMatch, route: Route, account: Account) -> Test:
    if match.uri is None:
        return EVERY_PATH
    test = _test(match.uri, (*route, "uri"), account)
    if test == Test(REGEX, EVERYTHING):
        return Test(ANY, EVERYTHING)
    if test.kind == PRESENT or (test.kind == PREFIX and test.text in {"/", ""}):
        return EVERY_PATH
    return Test(test.kind, test.text, match.ignore_uri_case and test.kind != REGEX)


def _methods(wanted: StringMatch | None, route: Route, account: Account) -> tuple[str | None, ...]:
    return (None,) if wanted is None else methods(_test(wanted, route, account))


def is_valid(path: str) -> bool:
    """Whether the path of an Exact or a PathPrefix may read so."""
    return bool(_PATH.fullmatch(path)) and not any(each in path for each in _FORBIDDEN) and not path.endswith(("/.", "/.."))


def written(found: Condition, names: dict[str, str], path: dict[str, str]) -> dict[str, Any]:
    """The match of an HTTPRoute with this path; `names` gives each header as the user writes it."""
    match: dict[str, Any] = {"path": path}
    if found.headers:
        match["headers"] = [
            _written_test(names.get(name, name), test, most=_LONGEST_VALUE) for name, test in found.headers.items()
        ]
    if found.query:
        match["queryParams"] = [_written_test(name, test, most=_LONGEST_PARAMETER) for name, test in found.query.items()]
    if found.method:
        match["method"] = found.method
    return match


def _written_test(name: str, test: Test, most: int) -> dict[str, str]:
    if test.kind == EXACT and 0 < len(test.text) <= most and _PLAIN_VALUE.fullmatch(test.text):
        return {"type": "Exact", "name": name, "value": test.text}
    text = {EXACT: quoted(test.text) or "()", PREFIX: quoted(test.text) + ".*", REGEX: test.text or "()"}.get(test.kind, ".*")
    return {"type": "RegularExpression", "name": name, "value": text}


def check_limits(match: dict[str, Any], route: Route) -> None:
    """Raises Refused for what the CRD of the Gateway API does not admit, or RE2 refuses: such a pattern stops a whole proxy."""
    if len(match["path"]["value"]) > LONGEST_PATTERN:
        raise Refused("match", route, f"the path is longer than the {LONGEST_PATTERN} characters of an HTTPRoute")
    for key, most in (("headers", _LONGEST_VALUE), ("queryParams", _LONGEST_PARAMETER)):
        if len(match.get(key, ())) > 16:
            raise Refused("match", route, f"an HTTPRoute has at most 16 {key} in one match")
        if any(not each["value"] or len(each["value"]) > most for each in match.get(key, ())):
            raise Refused("match", route, f"a value of {key} does not fit into an HTTPRoute")
    for each in (match["path"], *match.get("headers", ()), *match.get("queryParams", ())):
        if each["type"] == "RegularExpression" and compiled(each["value"]) is None:
            raise Refused("match", route, f"RE2 refuses {each['value']!r}")
