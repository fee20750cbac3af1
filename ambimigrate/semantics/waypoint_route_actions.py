"""What the rules of HTTPRoutes and GRPCRoutes make a waypoint do: redirect, answer, or forward."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ambimigrate.kinds.gatewayapi import (
    BackendObjectRef,
    HTTPRouteFilter,
    MirrorFilter,
    PathModifier,
    RedirectFilter,
    RewriteFilter,
)
from ambimigrate.kinds.gatewayroutes import GRPCRouteRule, HTTPRouteRule
from ambimigrate.model import Mesh
from ambimigrate.semantics import grants, retry
from ambimigrate.semantics import waypoint_route_filters as filters
from ambimigrate.semantics.chain import Compiler
from ambimigrate.semantics.decision import Mirror, Retries
from ambimigrate.semantics.destinations import cluster, hash_policy
from ambimigrate.semantics.durations import seconds
from ambimigrate.semantics.envoy import (
    Answer,
    Cluster,
    Forward,
    Match,
    PrefixRewrite,
    Redirect,
    RegexRewrite,
    Rewrite,
    Target,
)
from ambimigrate.semantics.mutation import Mutation
from ambimigrate.semantics.registry import entries
from ambimigrate.semantics.strings import Elements, quoted
from ambimigrate.semantics.waypoint_route_filters import Backend, Rule
from ambimigrate.topology.hosts import DOMAIN
from ambimigrate.versions import Version, at_least

_NO_BACKEND = 500


def is_complete(mesh: Mesh, namespace: str, rule: Rule) -> bool:
    """Whether no mirror is invalid where that takes away the whole object: HTTPRoutes up to 1.25, GRPCRoutes always."""
    if isinstance(rule, HTTPRouteRule) and at_least(mesh.target.istio, "1.26.0"):
        return True
    return all(_is_there(mesh, namespace, each.backend_ref) for each in filters.mirrors(rule))


def header_changes(rule: Rule) -> tuple[Mutation, Mutation]:
    """The header changes of the route itself: those of the rule, then those of the only backend that gets anything."""
    request, response = filters.header_changes(rule.filters)
    used = _used(rule)
    if len(used) != 1:
        return request, response
    own_request, own_response = filters.header_changes(used[0].filters)
    return request.then(own_request), response.then(own_response)


def _used(rule: Rule) -> tuple[Backend, ...]:
    return tuple(each for each in rule.backend_refs if each.weight > 0)


def action(mesh: Mesh, chain: Compiler, namespace: str, rule: Rule, match: Match) -> Forward | Redirect | Answer:
    if isinstance(rule, HTTPRouteRule) and (redirect := _filter_redirect(rule)):
        return _redirect(redirect, chain)
    used = _used(rule)
    if not used:
        return Answer(_status_without_backends(mesh.target.istio, rule))
    targets = tuple(_target(mesh, chain, namespace, each, is_only=len(used) == 1) for each in used)
    hashes = dict.fromkeys(word for each in used for word in _hash(mesh, chain, namespace, each))
    return Forward(
        targets,
        rewrite=_rewrite(rule, match),
        host=filters.authority(rule.filters),
        timeout=_timeout(rule),
        retries=_retries(mesh, rule, hashed=bool(hashes) and len(used) == 1),
        mirrors=tuple(_mirrors(mesh, chain, namespace, rule)),
        hash=tuple(hashes),
        missing=_NO_BACKEND,
    )


def _status_without_backends(version: Version, rule: Rule) -> int:
    """1.30.x answers 404 where an HTTPRoute names no backend at all."""
    is_lost = version.line == (1, 30) and isinstance(rule, HTTPRouteRule) and not rule.backend_refs
    return 404 if is_lost else _NO_BACKEND


def _target(mesh: Mesh, chain: Compiler, namespace: str, backend: Backend, *, is_only: bool) -> Target:
    found, authority = cluster_of(mesh, chain, namespace, backend), filters.authority(backend.filters)
    if is_only:
        return Target(found, host=authority)
    return Target(found, backend.weight, *filters.header_changes(backend.filters), authority)


def _host(namespace: str, ref: BackendObjectRef) -> str | None:
    """The host of a backend, None for a kind that waypoints do not know."""
    if (ref.group, ref.kind) == ("", "Service"):
        return f"{ref.name}.{ref.namespace or namespace}.{DOMAIN}"
    return ref.name if (ref.group, ref.kind) == ("networking.istio.io", "Hostname") else None


def cluster_of(mesh: Mesh, chain: Compiler, namespace: str, ref: BackendObjectRef) -> Cluster:
    """The cluster of a backendRef; routes of gateways need a grant for one of another namespace."""
    host = _host(namespace, ref)
    if host is None or not _is_granted(mesh, chain, namespace, ref):
        return Cluster(f"{ref.kind} {ref.name}", None)
    return cluster(mesh, chain.viewer, host, ref.port or 0, "")


def _is_granted(mesh: Mesh, chain: Compiler, namespace: str, ref: BackendObjectRef) -> bool:
    return not chain.granted_as or grants.backend_allowed(mesh, (chain.granted_as, namespace), ref)


def _is_there(mesh: Mesh, namespace: str, ref: BackendObjectRef) -> bool:
    found = entries(mesh).get(_host(namespace, ref) or "")
    return found is not None and ref.port in found.ports


def _hash(mesh: Mesh, chain: Compiler, namespace: str, ref: BackendObjectRef) -> tuple[str, ...]:
    """Waypoints hash from 1.26 on, gateways always."""
    host = _host(namespace, ref)
    if host is None or not (chain.granted_as or at_least(mesh.target.istio, "1.26.0")):
        return ()
    return hash_policy(mesh, chain.viewer, host, ref.port or 0, "")


def _mirrors(mesh: Mesh, chain: Compiler, namespace: str, rule: Rule) -> Iterator[Mirror]:
    """A mirror to nowhere is dropped; without percentage everything is copied."""
    for each in filters.mirrors(rule):
        share = _share(each)
        is_there = _is_there(mesh, namespace, each.backend_ref) and _is_granted(mesh, chain, namespace, each.backend_ref)
        if share > 0 and is_there:
            yield Mirror(cluster_of(mesh, chain, namespace, each.backend_ref).backends, share)


def _share(mirror: MirrorFilter) -> float:
    if mirror.fraction:
        return 100.0 * mirror.fraction.numerator / max(mirror.fraction.denominator, 1)
    return 100.0 if mirror.percent is None else float(mirror.percent)


def _timeout(rule: Rule) -> float | None:
    """`backendRequest` takes the place of the whole timeout, unless the rule retries."""
    if isinstance(rule, GRPCRouteRule) or rule.timeouts is None:
        return None
    single = None if rule.retry else seconds(rule.timeouts.backend_request)
    return single or seconds(rule.timeouts.request) or None


def _retries(mesh: Mesh, rule: Rule, *, hashed: bool) -> Retries | None:
    """The mesh's default where nothing is said, and where nothing is read: up to 1.24."""
    found = rule.retry if isinstance(rule, HTTPRouteRule) and at_least(mesh.target.istio, "1.25.0") else None
    if found is None or isinstance(rule, GRPCRouteRule):
        default = retry.mesh_default(mesh)
        return replace(default, other_hosts=default.other_hosts and not hashed) if default else None
    conditions = ",".join([*sorted(retry.CONDITIONS), *(str(code) for code in found.codes)])
    return replace(
        retry.with_conditions(retry.BUILT_IN, conditions),
        attempts=2 if found.attempts is None else found.attempts,
        per_try=seconds(rule.timeouts.backend_request if rule.timeouts else None),
        backoff=seconds(found.backoff),
        other_hosts=not hashed,
    )


def _filter_redirect(rule: HTTPRouteRule) -> RedirectFilter | None:
    return next((each.request_redirect for each in rule.filters if each.type == "RequestRedirect"), None)


def _redirect(found: RedirectFilter, chain: Compiler) -> Redirect:
    """Without scheme and port that of the Service or listener is written; the default port of the scheme never is."""
    written = found.port or (0 if found.scheme else chain.port)
    if (found.scheme or chain.scheme, written) in {("http", 80), ("https", 443)}:
        written = 0
    path, rewrite = "", None
    if found.path and found.path.type == "ReplacePrefixMatch":
        rewrite = PrefixRewrite(found.path.replace_prefix_match or "")
    elif found.path:
        path = found.path.replace_full_path or ""
    return Redirect(found.status_code, found.scheme or "", found.hostname or "", written, path, rewrite)


def _rewrite(rule: Rule, match: Match) -> Rewrite | None:
    found: RewriteFilter | None = None
    if isinstance(rule, HTTPRouteRule):
        found = next(
            (each.url_rewrite for each in rule.filters if isinstance(each, HTTPRouteFilter) and each.url_rewrite), None
        )
    return _path_rewrite(found.path, match) if found and found.path else None


def _path_rewrite(modifier: PathModifier, match: Match) -> Rewrite | None:
    """conversion.go `createRewriteFilter`: a full path is a substitution; a prefix loses its trailing slash.

    `/` in its place removes it with its slash.
    """
    if modifier.type == "ReplaceFullPath":
        return RegexRewrite("/.*", modifier.replace_full_path or "")
    value = (modifier.replace_prefix_match or "").removesuffix("/")
    if value or not isinstance(match.path, Elements):
        return PrefixRewrite(value or "/")
    return RegexRewrite(f"^{quoted(match.path.value)}(/?)(.*)", r"/\2")
