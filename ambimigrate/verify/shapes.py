"""What the objects of a mesh look for in requests to a Service: the literals of their matches, rules and changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import GRPCRoute, HTTPRoute, RequestAuthentication, VirtualService
from ambimigrate.kinds.gatewayapi import HeaderFilter, RouteFilter
from ambimigrate.kinds.gatewayroutes import GRPCRouteMatch, HTTPRouteMatch, ValueMatch
from ambimigrate.kinds.routes import HeaderOperations, HTTPMatch, HTTPRule, StringMatch
from ambimigrate.kinds.security import AuthorizationPolicy, JWTRule, Operation, Rule
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.decision import Headers
from ambimigrate.verify import examples

ORIGIN = "https://example.com"


class Shape(Struct, frozen=True):
    """A request that meets all conditions of one match; "" where it sets none. `without`: headers that must not be there."""

    path: str = ""
    method: str = ""
    host: str = ""
    headers: Headers = ()
    query: Headers = ()
    without: Headers = ()
    reply: tuple[str, ...] = ()  # headers of responses that are changed
    issuers: tuple[str, ...] = ()  # of tokens that are believed
    claims: Headers = ()  # of a token
    unknown: str = ""  # a pattern for which no example is known


def shapes(mesh: Mesh, resource: Resource[Any]) -> tuple[Shape, ...]:
    """The shapes of an object, made once."""
    found = mesh.index(_all)
    key = id(resource)
    if key not in found:
        found[key] = tuple(dict.fromkeys(_of(mesh, resource)))
    return found[key]


def _all(_mesh: Mesh) -> dict[int, tuple[Shape, ...]]:
    return {}


def _of(mesh: Mesh, resource: Resource[Any]) -> Iterator[Shape]:
    match resource.body:
        case VirtualService():
            yield from _virtual_service(mesh, resource)
        case HTTPRoute():
            yield from _http_route(resource.body)
        case GRPCRoute():
            yield from _grpc_route(resource.body)
        case AuthorizationPolicy():
            yield from chain.from_iterable(map(_policy, resource.body.spec.rules or ()))
        case RequestAuthentication():
            yield from chain.from_iterable(map(_issuer, resource.body.spec.jwt_rules))


# --- VirtualServices ------------------------------------------------------------------------------------------------


def _virtual_service(mesh: Mesh, resource: Resource[VirtualService]) -> Iterator[Shape]:
    for rule in resource.body.spec.http:
        yield from _rule(mesh, resource, rule)
    for tls in resource.body.spec.tls:
        yield from (Shape(host=host) for each in tls.match for host in each.sni_hosts)


def _rule(mesh: Mesh, resource: Resource[VirtualService], rule: HTTPRule) -> Iterator[Shape]:
    yield from map(_match, rule.match)
    if rule.delegate is not None:
        namespace = rule.delegate.namespace or resource.namespace
        found = mesh.find(VirtualService, namespace, rule.delegate.name, resource.file)
        for each in found.body.spec.http if found and found is not resource and not found.body.spec.hosts else ():
            yield from map(_match, each.match)
            yield from (_joined(_match(outer), _match(inner)) for outer in rule.match for inner in each.match)
    if rule.cors_policy is not None:
        yield from _cors(tuple(text for each in rule.cors_policy.allow_origins if (text := _text(each))))
    for changes in (rule.headers, *(each.headers for each in rule.route)):
        if changes is not None:
            yield _changed(_names(changes.request), _names(changes.response))


def _joined(outer: Shape, inner: Shape) -> Shape:
    path = inner.path if inner.path.startswith(outer.path) else outer.path
    return Shape(path, inner.method or outer.method, "", outer.headers + inner.headers, outer.query + inner.query)


def _match(match: HTTPMatch) -> Shape:
    texts = [match.uri, match.method, match.authority, *match.headers.values(), *match.query_params.values()]
    unknown = next((each.regex for each in texts if each and each.regex and _text(each) is None), "")
    return Shape(
        _path(_text(match.uri) or ""),
        _text(match.method) or "",
        _text(match.authority) or "",
        _filled(match.headers),
        _filled(match.query_params),
        _filled(match.without_headers),
        unknown=unknown or "",
    )


def _path(text: str) -> str:
    return text if not text or text.startswith("/") else f"/{text}"


def _filled(conditions: Mapping[str, StringMatch]) -> Headers:
    return tuple((name, _text(test) or "x") for name, test in conditions.items())


def _text(test: StringMatch | None) -> str | None:
    """A text that fits; a condition without a text asks for presence."""
    if test is None:
        return None
    if test.exact is not None:
        return test.exact
    if test.prefix is not None:
        return test.prefix
    return examples.of_regex(test.regex) if test.regex is not None else "x"


def _names(changes: HeaderOperations | None) -> tuple[str, ...]:
    return (*changes.set, *changes.add, *changes.remove) if changes else ()


def _changed(request: tuple[str, ...], response: tuple[str, ...]) -> Shape:
    sent = tuple((name, "sent") for name in request if not name.startswith(":") and name.lower() != "host")
    return Shape(headers=sent, reply=tuple(name for name in response if not name.startswith(":")))


def _cors(origins: tuple[str, ...]) -> Iterator[Shape]:
    for origin in (*origins[:2], ORIGIN):
        yield Shape(headers=(("origin", origin),))
        yield Shape(method="OPTIONS", headers=(("origin", origin), ("access-control-request-method", "GET")))


# --- routes ---------------------------------------------------------------------------------------------------------


def _http_route(route: HTTPRoute) -> Iterator[Shape]:
    for rule in route.spec.rules:
        yield from map(_http_match, rule.matches)
        yield from chain.from_iterable(map(_filter, rule.filters))
        for ref in rule.backend_refs:
            yield from chain.from_iterable(map(_filter, ref.filters))


def _grpc_route(route: GRPCRoute) -> Iterator[Shape]:
    for rule in route.spec.rules:
        yield from map(_grpc_match, rule.matches)
        yield from chain.from_iterable(map(_filter, rule.filters))


def _http_match(match: HTTPRouteMatch) -> Shape:
    path, unknown = "", ""
    if match.path is not None:
        is_regex = match.path.type == "RegularExpression"
        found = examples.of_regex(match.path.value) if is_regex else match.path.value
        path, unknown = _path(found or ""), "" if found else match.path.value
    return Shape(path, match.method or "", "", _values(match.headers), _values(match.query_params), unknown=unknown)


def _grpc_match(match: GRPCRouteMatch) -> Shape:
    called = match.method
    path = "" if called is None else f"/{called.service or 'x.Service'}/{called.method or 'Method'}"
    return Shape(path, "POST", "", _values(match.headers))


def _values(conditions: tuple[ValueMatch, ...]) -> Headers:
    return tuple(
        (each.name, (examples.of_regex(each.value) or "x") if each.type == "RegularExpression" else each.value)
        for each in conditions
    )


def _filter(found: RouteFilter) -> Iterator[Shape]:
    yield _changed(_modified(found.request_header_modifier), _modified(found.response_header_modifier))
    cors = getattr(found, "cors", None)
    if cors is not None:
        yield from _cors(tuple(examples.of_wildcard(each) for each in cors.allow_origins))


def _modified(found: HeaderFilter | None) -> tuple[str, ...]:
    return (*(each.name for each in (*found.set, *found.add)), *found.remove) if found else ()


# --- policies -------------------------------------------------------------------------------------------------------


def _issuer(rule: JWTRule) -> Iterator[Shape]:
    """Requests with what is no token, and the issuer whose tokens are believed."""
    yield from (Shape(headers=((each.name, f"{each.prefix}no-token"),)) for each in rule.from_headers)
    yield Shape(headers=(("authorization", "Bearer no-token"),))
    yield Shape(issuers=(rule.issuer,), claims=tuple(("aud", each) for each in rule.audiences[:1]))


def _policy(rule: Rule) -> Iterator[Shape]:
    """A shape for each operation with each of its paths; further methods and hosts one by one."""
    headers = tuple(_asked(rule))
    yield from _tokens(rule)
    for operation in [each.operation for each in rule.to if each.operation] or [Operation()]:
        method = next(iter(map(examples.of_wildcard, operation.methods)), "")
        host = next(iter(map(examples.of_wildcard, operation.hosts)), "")
        for path in (*operation.paths, *operation.not_paths) or ("",):
            yield Shape(examples.of_path(path) if path else "", method, host, headers)
        yield from (Shape(method=each) for each in (*operation.methods, *operation.not_methods) if "*" not in each)
        yield from (Shape(host=examples.of_wildcard(each)) for each in (*operation.hosts, *operation.not_hosts))


def _tokens(rule: Rule) -> Iterator[Shape]:
    for condition in rule.when:
        name = condition.key.removeprefix("request.auth.claims[").removesuffix("]")
        if name != condition.key and "[" not in name:
            yield from (Shape(claims=((name, examples.of_wildcard(each)),)) for each in condition.values)
    for text in (each for origin in rule.from_ if origin.source for each in origin.source.request_principals):
        issuer, slash, subject = text.rpartition("/")
        if slash and "*" not in issuer:
            yield Shape(issuers=(issuer,), claims=(("sub", examples.of_wildcard(subject)),))


def _asked(rule: Rule) -> Iterator[tuple[str, str]]:
    for condition in rule.when:
        if condition.key.startswith("request.headers["):
            name = condition.key.removeprefix("request.headers[").removesuffix("]")
            values = condition.values or condition.not_values
            yield from ((name, examples.of_wildcard(each)) for each in values[:1] if not name.startswith(":"))
