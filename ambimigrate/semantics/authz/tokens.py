"""What Envoy's JWT filter makes of a request: the claims of the verified token, or the status of the refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds.security import JWTRule
from ambimigrate.semantics.authz.attributes import header
from ambimigrate.semantics.authz.model import Request

SKEW = 60  # seconds that Envoy allows clocks to differ
SPACED = ("scope", "permission")  # claims whose text Istio takes as a list


class Authenticated(Struct, frozen=True):
    """The request as the next filter sees it, and the claims of its token. `status`: of the refusal, 0 for none."""

    request: Request
    claims: dict[str, Any] | None = None
    status: int = 0


class _RefusedError(Exception):
    """The token is not believed, with this status."""


def authenticate(rules: tuple[JWTRule, ...], request: Request, now: float | None) -> Authenticated:
    """A request passes if a rule believes its token, or if it has no token where any rule looks for one."""
    request = _without_outputs(rules, request)
    if not rules or _is_preflight(request):
        return Authenticated(request)
    refusals: list[int] = []
    for rule in rules:
        for token in _tokens(rule, request):
            try:
                claims = _believed(rule, token, request, now)
            except _RefusedError as error:
                refusals.append(error.args[0])
                break
            return Authenticated(_forwarded(rule, request, claims, token), _spaced(rule, claims))
    return Authenticated(request, None, refusals[-1] if refusals else 0)


def _is_preflight(request: Request) -> bool:
    wanted = ("origin", "access-control-request-method")
    return request.method == "OPTIONS" and all(header(request, name) for name in wanted)


def _tokens(rule: JWTRule, request: Request) -> Iterator[str]:
    default = not (rule.from_headers or rule.from_params or rule.from_cookies)
    sources = [("authorization", "Bearer ")] if default else [(each.name, each.prefix) for each in rule.from_headers]
    for name, prefix in sources:
        found = header(request, name)
        if found is not None and prefix in found:
            yield found[found.index(prefix) + len(prefix) :].strip()
    query = dict(parse_qsl(request.path.partition("?")[2]))
    yield from (query[name] for name in (("access_token",) if default else rule.from_params) if name in query)
    cookies = dict(_cookies(header(request, "cookie") or ""))
    yield from (cookies[name] for name in rule.from_cookies if name in cookies)


def _cookies(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        name, found, value = part.strip().partition("=")
        if found:
            yield name, value


def _believed(rule: JWTRule, token: str, request: Request, now: float | None) -> dict[str, Any]:
    from ambimigrate.semantics.authz import signatures  # loads cryptography: 80 ms that calls without token save

    claims = signatures.claims(token, "" if request.signed else rule.jwks, signed=request.signed)
    if claims is None or claims.get("iss") != rule.issuer:
        raise _RefusedError(401)
    if now is not None and not _is_valid(claims, now):
        raise _RefusedError(401)
    if rule.audiences and not {_audience(each) for each in rule.audiences} & _audiences(claims):
        raise _RefusedError(403)
    return claims


def _is_valid(claims: Mapping[str, Any], now: float) -> bool:
    begin, end = claims.get("nbf", now), claims.get("exp", now)
    return isinstance(begin, int | float) and isinstance(end, int | float) and begin - SKEW <= now <= end + SKEW


def _audiences(claims: Mapping[str, Any]) -> set[str]:
    found = claims.get("aud", [])
    entries = found if isinstance(found, list) else [found]
    return {_audience(each) for each in entries if isinstance(each, str)}


def _audience(text: str) -> str:
    """Envoy compares audiences without scheme and trailing slash."""
    return text.removeprefix("https://").removeprefix("http://").removesuffix("/")


def _spaced(rule: JWTRule, claims: dict[str, Any]) -> dict[str, Any]:
    names = {*SPACED, *rule.space_delimited_claims}
    return {key: value.split() if key in names and isinstance(value, str) else value for key, value in claims.items()}


def _without_outputs(rules: tuple[JWTRule, ...], request: Request) -> Request:
    outputs = {each.header.lower() for rule in rules for each in rule.output_claim_to_headers}
    outputs |= {rule.output_payload_to_header.lower() for rule in rules if rule.output_payload_to_header}
    if not outputs:
        return request
    return replace(request, headers=tuple(each for each in request.headers if each[0].lower() not in outputs))


def _forwarded(rule: JWTRule, request: Request, claims: Mapping[str, Any], token: str) -> Request:
    """The request with the headers made of claims and, unless the rule forwards it, without the token."""
    headers = request.headers
    if not rule.forward_original_token:
        headers = tuple(each for each in headers if token not in each[1])
    made = tuple((each.header, _text(claims[each.claim])) for each in rule.output_claim_to_headers if each.claim in claims)
    return replace(request, headers=(*headers, *made))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
