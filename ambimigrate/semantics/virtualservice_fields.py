"""What the fields of a VirtualService's rule mean to Envoy, whichever proxy carries them out."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from ambimigrate.kinds.routes import (
    CorsPolicy,
    Destination,
    Headers,
    HTTPDirectResponse,
    HTTPFault,
    HTTPMatch,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRouteDestination,
    HTTPRule,
    Percent,
    StringMatch,
)
from ambimigrate.model import Mesh
from ambimigrate.semantics import retry
from ambimigrate.semantics.decision import Fault, Retries
from ambimigrate.semantics.durations import seconds
from ambimigrate.semantics.envoy import Answer, Condition, Cors, Match, PrefixRewrite, Redirect, RegexRewrite, Rewrite
from ambimigrate.semantics.mutation import NOTHING, Mutation
from ambimigrate.semantics.strings import Exact, Prefix, Present, Regex, Test
from ambimigrate.versions import Version, at_least

_AUTHORITY = frozenset({"host", ":authority"})


def conditions(match: HTTPMatch) -> Match:
    """All that an entry of `match` asks of the request itself (route.go `TranslateRouteMatch`)."""
    fixed = ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme))
    headers = [Condition(name, _test(value)) for name, value in fixed if value]
    headers += [Condition(name.lower(), _test(value)) for name, value in match.headers.items()]
    headers += [Condition(name.lower(), _unwanted(value), negated=True) for name, value in match.without_headers.items()]
    query = tuple(Condition(name, _test(value)) for name, value in match.query_params.items())
    return Match(_path(match.uri, ignore_case=match.ignore_uri_case), tuple(headers), query)


def _path(uri: StringMatch | None, *, ignore_case: bool) -> Test:
    """`ignoreUriCase` has no effect on expressions; without `uri` every path matches."""
    if uri and uri.exact is not None:
        return Exact(uri.exact, ignore_case)
    if uri and uri.regex is not None:
        return Regex(uri.regex)
    return Prefix(uri.prefix if uri and uri.prefix is not None else "/", ignore_case)


def _test(value: StringMatch) -> Test:
    if value.exact is not None:
        return Exact(value.exact)
    if value.prefix is not None:
        return Prefix(value.prefix)
    return Present() if value.regex is None else Regex(value.regex)


def _unwanted(value: StringMatch) -> Test:
    return Present() if value.regex == "*" else _test(value)


def header_changes(headers: Headers | None) -> tuple[Mutation, Mutation, str]:
    """What happens to the request and to the response, and the authority that the request gets, if any."""
    if headers is None:
        return NOTHING, NOTHING, ""
    asked = headers.request
    written = {} if asked is None else {**asked.add, **asked.set}
    authority = next((value for name, value in written.items() if name.lower() in _AUTHORITY), "")
    made = [
        NOTHING if each is None else Mutation(tuple(filter(_is_plain, each.remove)), _plain(each.set), _plain(each.add))
        for each in (headers.request, headers.response)
    ]
    return made[0], made[1], authority


def _plain(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in sorted(values.items()) if _is_plain(name))


def _is_plain(name: str) -> bool:
    return name.lower() != "host" and not name.startswith(":")


def destinations(rule: HTTPRule, version: Version) -> tuple[HTTPRouteDestination, ...]:
    """Up to 1.25 what has no weight beside others is forgotten at once, so that a single one left is the only one."""
    if len(rule.route) < 2 or at_least(version, "1.26.0"):
        return rule.route
    return tuple(each for each in rule.route if each.weight)


def rewrite(found: HTTPRewrite | None) -> Rewrite | None:
    if found is None:
        return None
    if found.uri_regex_rewrite:
        return RegexRewrite(found.uri_regex_rewrite.match, found.uri_regex_rewrite.rewrite)
    return PrefixRewrite(found.uri) if found.uri else None


def retries(mesh: Mesh, found: HTTPRetry | None, *, hashed: bool) -> Retries | None:
    """Nothing said: the mesh's default; no attempts: none. Where requests are hashed the same host is tried again."""
    if found is None:
        default = retry.mesh_default(mesh)
        return replace(default, other_hosts=default.other_hosts and not hashed) if default else None
    if found.attempts <= 0:
        return None
    ignored = found.retry_ignore_previous_hosts
    return replace(
        retry.with_conditions(retry.BUILT_IN, found.retry_on),
        attempts=found.attempts,
        per_try=seconds(found.per_try_timeout),
        backoff=seconds(found.backoff) if at_least(mesh.target.istio, "1.26.0") else 0.0,
        other_localities=bool(found.retry_remote_localities),
        other_hosts=not hashed if ignored is None else ignored,
    )


def mirrors(rule: HTTPRule) -> Iterator[tuple[Destination, float]]:
    """The mirrors with their percentage; 0 switches one off, nothing said means all."""
    both = [(rule.mirror, _mirrored(rule))] if rule.mirror else []
    both += [(each.destination, each.percentage.value if each.percentage else 100.0) for each in rule.mirrors]
    return ((destination, share) for destination, share in both if share > 0)


def _mirrored(rule: HTTPRule) -> float:
    if rule.mirror_percentage:
        return rule.mirror_percentage.value
    written = (each for each in (rule.mirror_percent, rule.mirror_percent_snake) if each is not None)
    return float(next(written, 100))


def redirect(found: HTTPRedirect, port: int, version: Version, *, scheme: str = "http") -> Redirect:
    """`port` is the one that the client dialled; the default port of the scheme is never written (route.go `ApplyRedirect`)."""
    written = found.port or (port if found.derive_port == "FROM_REQUEST_PORT" else 0)
    if (found.scheme or scheme, written) in {("http", 80), ("https", 443)}:
        written = 0
    prefix = found.prefix_rewrite if at_least(version, "1.31.0") else ""
    rewritten = PrefixRewrite(prefix) if prefix else None
    return Redirect(found.redirect_code or 301, found.scheme, found.authority, written, found.uri, rewritten)


def answer(found: HTTPDirectResponse) -> Answer:
    if found.body is None:
        return Answer(found.status)
    return Answer(found.status, found.body.string or _decoded(found.body.bytes or ""))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode(errors="replace")
    except ValueError:
        return ""


def fault(found: HTTPFault | None) -> Fault | None:
    """A fault without percentage never happens."""
    if found is None:
        return None
    delay, abort = found.delay, found.abort
    waits = _share(delay.percentage, delay.percent) if delay else 0.0
    fails = _share(abort.percentage, None) if abort else 0.0
    if not waits and not fails:
        return None
    return Fault(
        (seconds(delay.fixed_delay), waits) if delay and waits else None,
        (abort.http_status or 200, fails) if abort and fails else None,  # a gRPC status travels under 200
    )


def _share(percentage: Percent | None, percent: int | None) -> float:
    return percentage.value if percentage else float(percent or 0)


def cors(policy: CorsPolicy | None) -> Cors | None:
    if policy is None:
        return None
    origins = tuple(_test(each) for each in policy.allow_origins) or tuple(Exact(each) for each in policy.allow_origin)
    credentials = ("access-control-allow-credentials", "true" if policy.allow_credentials else "")
    grants = (
        credentials,
        ("access-control-allow-methods", ",".join(policy.allow_methods)),
        ("access-control-allow-headers", ",".join(policy.allow_headers)),
        ("access-control-max-age", str(int(seconds(policy.max_age))) if policy.max_age else ""),
    )
    exposes = (credentials, ("access-control-expose-headers", ",".join(policy.expose_headers)))
    forwards = policy.unmatched_preflights != "IGNORE"
    return Cors(origins, tuple(each for each in grants if each[1]), tuple(each for each in exposes if each[1]), forwards)
