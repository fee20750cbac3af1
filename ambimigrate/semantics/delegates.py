"""VirtualServices with their delegates resolved, as istiod does before any proxy sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import Destination, HTTPMatch, HTTPRule, StringMatch
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics.visibility import MESH, scope
from ambimigrate.topology import hosts

_INHERITED = (  # from the root where the delegate says nothing; redirect and route never are
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirror_percent",
    "mirror_percent_snake",
    "mirror_percentage",
    "cors_policy",
    "headers",
)


def rules(mesh: Mesh, root: Resource[VirtualService]) -> tuple[HTTPRule, ...]:
    """The HTTP rules of a VirtualService; a rule whose delegate is missing or out of sight is gone."""
    return tuple(made for rule in root.body.spec.http for made in _resolved(mesh, root, _bound(rule, root.namespace)))


def _resolved(mesh: Mesh, root: Resource[VirtualService], rule: HTTPRule) -> Iterator[HTTPRule]:
    if rule.delegate is None:
        yield rule
        return
    namespace = rule.delegate.namespace or root.namespace
    found = mesh.find(VirtualService, namespace, rule.delegate.name, root.file)
    if found is None or found.body.spec.hosts or scope(mesh, found, found.body.spec.export_to, root.namespace) is None:
        return
    for each in found.body.spec.http:
        if each.delegate is None and (merged := merge(rule, _named(each, namespace))) is not None:
            yield merged


def _named(rule: HTTPRule, namespace: str) -> HTTPRule:
    """The rule with full hosts: short ones are of the delegate's namespace.

    istio push_context.go `initVirtualServices` completes names before it merges (since 1.7.8, istio/istio#30423).
    """
    return replace(
        _bound(rule, namespace),
        route=tuple(replace(each, destination=_full(each.destination, namespace)) for each in rule.route),
        mirror=_full(rule.mirror, namespace) if rule.mirror else None,
        mirrors=tuple(replace(each, destination=_full(each.destination, namespace)) for each in rule.mirrors),
    )


def _bound(rule: HTTPRule, namespace: str) -> HTTPRule:
    """The rule with the full names of gateways in its matches."""
    if not any(each.gateways for each in rule.match):
        return rule
    named = ((each, tuple(gateway_name(name, namespace) for name in each.gateways)) for each in rule.match)
    return replace(rule, match=tuple(replace(each, gateways=names) for each, names in named))


def gateway_name(name: str, namespace: str) -> str:
    """A Gateway as namespace/name, as an object of `namespace` means it; `mesh` stays (config.go `resolveGatewayName`)."""
    if name == MESH:
        return name
    if "/" in name:
        place, _, own = name.partition("/")
        return f"{namespace}/{own}" if place == "." else name
    own, dot, rest = name.partition(".")
    return f"{rest.partition('.')[0]}/{own}" if dot else f"{namespace}/{name}"


def _full(destination: Destination, namespace: str) -> Destination:
    return replace(destination, host=hosts.full_name(destination.host, namespace))


def merge(root: HTTPRule, leaf: HTTPRule) -> HTTPRule | None:
    """A delegate's rule under the one that delegates to it (virtualservice.go `mergeHTTPRoute`), None if they conflict."""
    matches = _matches(root.match, leaf.match)
    if matches is None:
        return None
    inherited = {field: getattr(root, field) for field in _INHERITED if getattr(leaf, field) is None}
    mirrors = leaf.mirrors or root.mirrors
    name = "-".join(filter(None, (root.name, leaf.name)))
    return replace(leaf, match=matches, mirrors=mirrors, name=name, **inherited)


def _matches(root: tuple[HTTPMatch, ...], leaf: tuple[HTTPMatch, ...]) -> tuple[HTTPMatch, ...] | None:
    """All pairs that agree; None as soon as an entry of the delegate agrees with none of the root's."""
    if not root or not leaf:
        return root or leaf
    merged: list[HTTPMatch] = []
    for inner in leaf:
        pairs = [_merged(outer, inner) for outer in root if not _conflict(outer, inner)]
        if not pairs:
            return None
        merged.extend(pairs)
    return tuple(merged)


def _merged(root: HTTPMatch, leaf: HTTPMatch) -> HTTPMatch:
    return HTTPMatch(
        name="-".join(filter(None, (root.name, leaf.name))),
        uri=leaf.uri or root.uri,
        scheme=leaf.scheme or root.scheme,
        method=leaf.method or root.method,
        authority=leaf.authority or root.authority,
        headers=root.headers | leaf.headers,
        without_headers=root.without_headers | leaf.without_headers,
        query_params=root.query_params | leaf.query_params,
        port=leaf.port or root.port,
        source_labels=root.source_labels | leaf.source_labels,
        source_namespace=leaf.source_namespace or root.source_namespace,
        gateways=leaf.gateways or root.gateways,
        ignore_uri_case=root.ignore_uri_case,
        stat_prefix=leaf.stat_prefix or root.stat_prefix,
    )


def _conflict(root: HTTPMatch, leaf: HTTPMatch) -> bool:
    """virtualservice.go `hasConflict`."""
    single = ((root.uri, leaf.uri), (root.scheme, leaf.scheme), (root.method, leaf.method), (root.authority, leaf.authority))
    maps = (
        (root.headers, leaf.headers),
        (root.without_headers, leaf.without_headers),
        (root.query_params, leaf.query_params),
    )
    return (
        root.ignore_uri_case != leaf.ignore_uri_case
        or any(_strings_conflict(a, b) for a, b in single)
        or any(_strings_conflict(a[key], b[key]) for a, b in maps for key in a.keys() & b.keys())
        or bool(root.port and leaf.port and root.port != leaf.port)
        or bool(root.source_namespace and root.source_namespace != leaf.source_namespace)
        or _labels_conflict(root.source_labels, leaf.source_labels)
        or bool(root.gateways and leaf.gateways and not set(leaf.gateways) <= set(root.gateways))
    )


def _labels_conflict(root: Mapping[str, str], leaf: Mapping[str, str]) -> bool:
    return any(leaf[key] != value for key, value in root.items() if key in leaf)


def _strings_conflict(root: StringMatch | None, leaf: StringMatch | None) -> bool:
    """virtualservice.go `stringMatchConflict`: two conditions agree only as texts of which the delegate's is the narrower."""
    if root is None or leaf is None:
        return False
    if root.regex is not None or leaf.regex is not None:
        return True
    if root.exact:
        return leaf.exact != root.exact
    written = leaf.prefix or leaf.exact
    return not (root.prefix and written and written.startswith(root.prefix))
