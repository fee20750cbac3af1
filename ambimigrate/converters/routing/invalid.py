"""What Istio's validation refuses in a rule of a VirtualService: an object with it is in no cluster as it stands."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing import durations
from ambimigrate.converters.routing.headers import AUTHORITY, is_format
from ambimigrate.converters.routing.retries import PHRASES
from ambimigrate.kinds.routes import HeaderOperations, Headers, HTTPRetry, HTTPRule
from ambimigrate.model import Route

CODES = frozenset({0, 301, 302, 303, 307, 308})  # 0: not given
_FEWEST = 1  # milliseconds of a duration
_CONDITIONS = frozenset(  # what Envoy retries on, for HTTP and for gRPC
    {
        *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx"),
        *("refused-stream", "retriable-status-codes", "retriable-headers", "http3-post-connect-failure"),
        *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
    }
)
Fault = tuple[Route, str]


def check(rule: HTTPRule, route: Route) -> None:
    """Raises Refused for the first fault (pkg/config/validation/virtualservice.go)."""
    for place, reason in _faults(rule, route):
        raise Refused("invalid", place, f"{reason}, Istio refuses it")


def _faults(rule: HTTPRule, route: Route) -> Iterator[Fault]:
    yield from _kind(rule, route)
    yield from _weights(rule, route)
    yield from _of_headers(rule, route)
    yield from _rewrite(rule, route)
    if rule.mirror is not None and rule.mirrors:
        yield (*route, "mirrors"), "mirror and mirrors stand side by side"
    if rule.redirect is not None and rule.redirect.redirect_code not in CODES:
        yield (*route, "redirect", "redirectCode"), f"{rule.redirect.redirect_code} is no code of a redirect"
    if rule.timeout is not None:
        yield from _duration(rule.timeout, (*route, "timeout"))
    if rule.retries is not None:
        yield from _retries(rule.retries, (*route, "retries"))


def _kind(rule: HTTPRule, route: Route) -> Iterator[Fault]:
    """A rule forwards, redirects, answers or delegates."""
    said = {
        "redirect": rule.redirect is not None,
        "directResponse": rule.direct_response is not None,
        "delegate": rule.delegate is not None,
        "route": bool(rule.route),
    }
    chosen = [name for name, used in said.items() if used]
    if not chosen:
        yield route, "it has no route, redirect, directResponse or delegate"
    elif len(chosen) > 1:
        yield (*route, chosen[0]), f"{chosen[0]} stands beside {chosen[1]}"
    for name in ("redirect", "directResponse"):
        for field, used in (("fault", rule.fault), ("rewrite", rule.rewrite)):
            if said[name] and used is not None:
                yield (*route, name), f"{name} stands beside {field}"


def _weights(rule: HTTPRule, route: Route) -> Iterator[Fault]:
    for number, each in enumerate(rule.route):
        if (each.weight or 0) < 0:
            yield (*route, "route", number, "weight"), "the weight is negative"
    if len(rule.route) > 1 and not any(each.weight for each in rule.route):
        yield (*route, "route"), "the sum of the weights is 0"


def _of_headers(rule: HTTPRule, route: Route) -> Iterator[Fault]:
    levels: list[tuple[Headers | None, Route]] = [(rule.headers, (*route, "headers"))]
    levels += [(each.headers, (*route, "route", number, "headers")) for number, each in enumerate(rule.route)]
    for own, here in levels:
        for side, found in (("request", own.request if own else None), ("response", own.response if own else None)):
            if found is not None:
                yield from _operations(found, (*here, side))
    set_ = {**rule.headers.request.set, **rule.headers.request.add} if rule.headers and rule.headers.request else {}
    if rule.rewrite is not None and rule.rewrite.authority and any(each.lower() in AUTHORITY for each in set_):
        yield (*route, "rewrite", "authority"), "rewrite.authority stands beside a header that sets the authority"


def _operations(own: HeaderOperations, route: Route) -> Iterator[Fault]:
    for name, pairs in (("set", own.set), ("add", own.add)):
        for header, value in pairs.items():
            is_response = route[-1] == "response"
            if not header or (header.startswith(":") and (header != ":authority" or is_response)):
                yield (*route, name, header), f"{header or 'a header without name'} cannot be changed"
            elif not is_format(value):
                yield (*route, name, header), f"{value!r} is no format string of Envoy (a percent sign is written %%)"
    for number, header in enumerate(own.remove):
        if header.startswith(":") or (header.lower() == "host" and route[-1] == "request"):
            yield (*route, "remove", number), f"{header} cannot be removed"


def _rewrite(rule: HTTPRule, route: Route) -> Iterator[Fault]:
    own = rule.rewrite
    if own is None:
        return
    if own.uri and own.uri_regex_rewrite is not None:
        yield (*route, "rewrite", "uri"), "uri stands beside uriRegexRewrite"
    if not own.uri and not own.authority and own.uri_regex_rewrite is None:
        yield (*route, "rewrite"), "the rewrite says nothing"


def _duration(text: str, route: Route) -> Iterator[Fault]:
    """At least a millisecond, and a whole number of them."""
    length = durations.milliseconds(text)
    if length is None or length < _FEWEST:
        yield route, f"{text} is no duration of whole milliseconds"


def _retries(own: HTTPRetry, route: Route) -> Iterator[Fault]:
    if own.attempts < 0:
        yield (*route, "attempts"), "attempts is negative"
    others = (own.per_try_timeout, own.retry_on, own.retry_remote_localities, own.retry_ignore_previous_hosts, own.backoff)
    if own.attempts == 0 and any(each not in {None, ""} for each in others):
        yield (*route, "attempts"), "attempts 0 stands beside other fields of retries"
    for name, text in (("perTryTimeout", own.per_try_timeout), ("backoff", own.backoff)):
        if text is not None:
            yield from _duration(text, (*route, name))
    for part in filter(None, (each.strip() for each in own.retry_on.split(","))):
        if part not in _CONDITIONS and not (part.isdigit() and int(part) in PHRASES):
            yield (*route, "retryOn"), f"{part} is no condition of a retry"
