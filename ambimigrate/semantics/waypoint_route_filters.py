"""The filters of HTTPRoutes and GRPCRoutes: which ones a waypoint knows, and what they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.kinds.gatewayapi import CorsFilter, HeaderFilter, HTTPHeader, HTTPRouteFilter, MirrorFilter, RouteFilter
from ambimigrate.kinds.gatewayroutes import GRPCBackendRef, GRPCRouteRule, HTTPBackendRef, HTTPRouteRule
from ambimigrate.model import Mesh
from ambimigrate.semantics.decision import Headers
from ambimigrate.semantics.envoy import Cors
from ambimigrate.semantics.mutation import Mutation
from ambimigrate.semantics.strings import Exact, Regex, Test, quoted
from ambimigrate.versions import Version, at_least

Rule = HTTPRouteRule | GRPCRouteRule
Backend = HTTPBackendRef | GRPCBackendRef

_HEADERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier"})
_GRPC = _HEADERS | {"RequestMirror"}
_HTTP = _GRPC | {"RequestRedirect", "URLRewrite"}
_MAX_AGE = 5  # seconds, where a CORS filter gives none


def is_supported(mesh: Mesh, rule: Rule) -> bool:
    """Whether istiod can make routes of the rule at all."""
    known = _known(mesh.target.istio, rule)
    return (
        all(each.type in known for each in rule.filters)
        and all(each.type in _HEADERS for backend in rule.backend_refs for each in backend.filters)
        and all(_is_named(backend) for backend in rule.backend_refs)
        and not any(_has_control_characters(each) for each in _all_filters(rule))
    )


def _known(version: Version, rule: Rule) -> frozenset[str]:
    if isinstance(rule, GRPCRouteRule):
        return _GRPC
    return _HTTP | {"CORS"} if at_least(version, "1.26.0") else _HTTP


def _is_named(backend: Backend) -> bool:
    """A Service needs a port and a name without dot."""
    return (backend.group, backend.kind) != ("", "Service") or (backend.port is not None and "." not in backend.name)


def _all_filters(rule: Rule) -> Iterator[RouteFilter]:
    yield from rule.filters
    for backend in rule.backend_refs:
        yield from backend.filters


def _has_control_characters(found: RouteFilter) -> bool:
    parts = (found.request_header_modifier, found.response_header_modifier)
    values = (each.value for part in parts if part for each in (*part.set, *part.add))
    return any(ord(character) < 32 and character != "\t" for value in values for character in value)


def mirrors(rule: Rule) -> Iterator[MirrorFilter]:
    return (each.request_mirror for each in rule.filters if each.type == "RequestMirror" and each.request_mirror)


def header_changes(filters: Iterable[RouteFilter]) -> tuple[Mutation, Mutation]:
    """What the header modifiers do to the request and to the response."""
    request, response = Mutation(), Mutation()
    for each in filters:
        if each.type == "RequestHeaderModifier":
            request = request.then(_mutation(each.request_header_modifier))
        elif each.type == "ResponseHeaderModifier":
            response = response.then(_mutation(each.response_header_modifier))
    return request, response


def _mutation(found: HeaderFilter | None) -> Mutation:
    if found is None:
        return Mutation()
    removed = tuple(name for name in found.remove if name.lower() != "host")
    return Mutation(removed, _listed(found.set), _listed(found.add))


def _listed(headers: tuple[HTTPHeader, ...]) -> Headers:
    """Of one name in any case the first; `Host` is no header but the authority."""
    found: dict[str, str] = {}
    for each in headers:
        found.setdefault(each.name.lower(), each.value)
    return tuple((name, value) for name, value in found.items() if name != "host")


def authority(filters: Iterable[RouteFilter]) -> str:
    """The host that the request gets: of URLRewrite, else of a header `Host` that is set."""
    modified = ""
    for each in filters:
        if isinstance(each, HTTPRouteFilter) and each.url_rewrite and each.url_rewrite.hostname:
            return each.url_rewrite.hostname
        change = each.request_header_modifier
        written = (*change.set, *change.add) if change else ()
        modified = modified or next((header.value for header in written if header.name.lower() == "host"), "")
    return modified


def cors(version: Version, rule: Rule) -> Cors | None:
    """The CORS filter; wildcards and the proxy's answer to every preflight since 1.28.6, 1.29.1 and 1.30."""
    found = next((each.cors for each in rule.filters if isinstance(each, HTTPRouteFilter) and each.cors), None)
    if found is None:
        return None
    is_new = at_least(version, "1.28.6", "1.29.1", "1.30.0")
    credentials = ("access-control-allow-credentials", "true" if found.allow_credentials else "")
    exposes = (credentials, ("access-control-expose-headers", ",".join(found.expose_headers)))
    origins = tuple(_origin(each) if is_new else Exact(each) for each in found.allow_origins)
    return Cors(origins, _written((credentials, *_grants(found))), _written(exposes), forwards=not is_new)


def _grants(found: CorsFilter) -> Headers:
    return (
        ("access-control-allow-methods", ",".join(found.allow_methods)),
        ("access-control-allow-headers", ",".join(found.allow_headers)),
        ("access-control-max-age", str(found.max_age or _MAX_AGE)),
    )


def _origin(text: str) -> Test:
    """`*` accepts every origin with scheme and host, `https://*.b.example` every name below."""
    if text == "*":
        return Regex(r"[A-Za-z][A-Za-z0-9+.-]*://.+")
    return Regex(".*".join(quoted(part) for part in text.split("*"))) if "*" in text else Exact(text)


def _written(headers: Headers) -> Headers:
    return tuple(each for each in headers if each[1])
