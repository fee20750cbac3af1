"""One entry of `match`: from a VirtualService's fields to conditions, and from conditions to the match of an HTTPRoute."""

from __future__ import annotations

import re
from typing import Any

from ambimigrate.converters.conditions import (
    ANY,
    EVERY_PATH,
    EVERYTHING,
    EXACT,
    METHODS,
    PREFIX,
    PRESENT,
    REGEX,
    Condition,
    Test,
    compiled,
    quoted,
)
from ambimigrate.converters.outcome import Account, Refused
from ambimigrate.kinds.routes import HTTPMatch, StringMatch
from ambimigrate.model import Route

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")  # Gateway API, HTTPHeaderName
_PARAMETER = _HEADER
_PATH = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*")  # Gateway API, CEL rules of HTTPPathMatch
_FORBIDDEN = ("//", "/./", "/../", "%2f", "%2F", "#")
_LONGEST_PATTERN = 1024
_LONGEST_VALUE = 1024  # of a parameter; of a header 4096


def condition(match: HTTPMatch, route: Route, account: Account) -> Condition | None:
    """What the entry asks of a request; None if no request in the mesh meets it. Raises Refused."""
    _refuse_others(match, route)
    account.carry(route, "name", "statPrefix", "port", "gateways", "ignoreUriCase")
    if match.scheme is not None:
        account.carry(route, "scheme")
        if not _accepts_http(match.scheme, (*route, "scheme")):
            return None
    headers = {}
    for name, wanted in match.headers.items():
        headers[name.lower()] = _header(name, wanted, (*route, "headers", name), account)
    if match.authority is not None:
        headers["host"] = _test(match.authority, (*route, "authority"), account)
    query = {}
    for name, wanted in match.query_params.items():
        if not _PARAMETER.fullmatch(name):
            raise Refused("match", (*route, "queryParams", name), f"an HTTPRoute cannot name the parameter {name!r}")
        query[name] = _test(wanted, (*route, "queryParams", name), account)
    path = _path(match, route, account)
    return Condition(path, headers, query, _method(match.method, (*route, "method"), account))


def _refuse_others(match: HTTPMatch, route: Route) -> None:
    if match.without_headers:
        name = next(iter(match.without_headers))
        raise Refused("without-headers", (*route, "withoutHeaders"), f"an HTTPRoute cannot ask for the absence of {name}")
    if match.gateways:
        return  # Istio then reads neither sourceLabels nor sourceNamespace (route.go `sourceMatchHTTP`)
    for name, used in (("sourceLabels", match.source_labels), ("sourceNamespace", match.source_namespace)):
        if used:
            raise Refused("source", (*route, name), f"{name} asks who the caller is; a waypoint routes all callers alike")


def _accepts_http(scheme: StringMatch, route: Route) -> bool:
    """Whether plain HTTP, which is what proxies of the mesh see, has the scheme."""
    if scheme.exact is not None:
        return scheme.exact == "http"
    if scheme.prefix is not None:
        return "http".startswith(scheme.prefix)
    found = compiled(scheme.regex or "")
    if found is None:
        raise Refused("match", route, f"RE2 refuses {scheme.regex!r}")
    return found.fullmatch("http") is not None


def _header(name: str, wanted: StringMatch, route: Route, account: Account) -> Test:
    if name.startswith("@request.auth"):
        raise Refused("match", route, f"{name} asks for a claim, which only gateways read")
    if not _HEADER.fullmatch(name) or name.lower() == "host":
        raise Refused("match", route, f"an HTTPRoute cannot ask for {name} as the VirtualService does")
    return _test(wanted, route, account)


def _test(wanted: StringMatch, route: Route, account: Account) -> Test:
    for kind, text in ((EXACT, wanted.exact), (PREFIX, wanted.prefix), (REGEX, wanted.regex)):
        if text is not None:
            account.carry(route, kind)
            if kind == REGEX and compiled(text) is None:
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


def _method(wanted: StringMatch | None, route: Route, account: Account) -> str | None:
    if wanted is None:
        return None
    test = _test(wanted, route, account)
    if test.kind == PRESENT:
        return None
    if test.kind == EXACT and test.text in METHODS:
        return test.text
    raise Refused(
        "match", route, f"an HTTPRoute matches one of {', '.join(METHODS)}; the method here is {test.kind} {test.text}"
    )


def is_portable(path: Test) -> bool:
    """Whether Exact or PathPrefix says the same: a plain path, or a prefix that ends at an element."""
    if path.kind == ANY:
        return True
    if path.fold or path.kind == REGEX or (path.kind == PREFIX and not path.text.endswith("/")):
        return False
    return _is_valid(path.text)


def _is_valid(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and not any(each in path for each in _FORBIDDEN) and not path.endswith(("/.", "/.."))


def written(found: Condition, names: dict[str, str], *, patterns: bool) -> dict[str, Any]:
    """The match of an HTTPRoute; with `patterns` every path but a plain one is a regular expression.

    `names` gives each header as the user writes it.
    """
    match: dict[str, Any] = {"path": _written_path(found.path, patterns=patterns)}
    if found.headers:
        match["headers"] = [_written_test(names.get(name, name), test, most=4096) for name, test in found.headers.items()]
    if found.query:
        match["queryParams"] = [_written_test(name, test, most=_LONGEST_VALUE) for name, test in found.query.items()]
    if found.method:
        match["method"] = found.method
    return match


def _written_path(path: Test, *, patterns: bool) -> dict[str, str]:
    if path.kind == EXACT and not path.fold and _is_valid(path.text):
        return {"type": "Exact", "value": path.text}
    if not patterns:
        return {"type": "PathPrefix", "value": "/" if path.kind == ANY else path.text}
    return {"type": "RegularExpression", "value": pattern(path)}


def pattern(path: Test) -> str:
    """The regular expression that matches the same paths (Envoy matches the whole path)."""
    if path.kind == ANY:
        return "/.*"  # `.*` itself would cut the list (route.go `IsCatchAllRoute`)
    if path.kind == REGEX:
        return path.text
    return ("(?i)" if path.fold else "") + quoted(path.text) + (".*" if path.kind == PREFIX else "")


def _written_test(name: str, test: Test, most: int) -> dict[str, str]:
    if test.kind == EXACT and test.text and len(test.text) <= most:
        return {"type": "Exact", "name": name, "value": test.text}
    text = {EXACT: quoted(test.text) or "()", PREFIX: quoted(test.text) + ".*", REGEX: test.text}.get(test.kind, ".*")
    return {"type": "RegularExpression", "name": name, "value": text}


def check_limits(match: dict[str, Any], route: Route) -> None:
    """Raises Refused for what the CRD of the Gateway API does not admit."""
    if len(match["path"]["value"]) > _LONGEST_PATTERN:
        raise Refused("match", route, f"the path is longer than the {_LONGEST_PATTERN} characters of an HTTPRoute")
    for key in ("headers", "queryParams"):
        if len(match.get(key, ())) > 16:
            raise Refused("match", route, f"an HTTPRoute has at most 16 {key} in one match")
        if any(not each["value"] or len(each["value"]) > 4096 for each in match.get(key, ())):
            raise Refused("match", route, f"a value of {key} does not fit into an HTTPRoute")
