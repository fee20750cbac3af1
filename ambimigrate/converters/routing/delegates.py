"""What a rule that delegates becomes: the delegate's rules narrowed by the root's (Istio, model/virtualservice.go)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPMatch, HTTPRule, StringMatch
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import reach

INHERITED = (  # `mergeHTTPRoute`: only where the delegate has nothing; route and redirect never are
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirror_percent",
    "mirror_percent_snake",
    "mirror_percentage",
    "mirrors",
    "cors_policy",
    "headers",
)


class Pair(Struct, frozen=True):
    """An entry of the merged list, and which entries of delegate and root it comes from (None: that side has none)."""

    match: HTTPMatch
    leaf: int | None
    root: int | None


class Merged(Struct, frozen=True):
    """A rule of the delegate as the root's list has it: its number, its entries, and the fields that are the root's."""

    number: int
    rule: HTTPRule
    pairs: tuple[Pair, ...]
    inherited: tuple[str, ...]


def found(rule: HTTPRule, root: Resource[VirtualService], mesh: Mesh) -> Resource[VirtualService] | str:
    """The delegate of a rule, or why the rule has none and is left out."""
    wanted = rule.delegate
    if wanted is None:
        return "it delegates to nobody"
    namespace = wanted.namespace or root.namespace
    delegate = mesh.find(VirtualService, namespace, wanted.name, root.file)
    if delegate is None or delegate.body.spec.hosts:
        return f"there is no delegate {namespace}/{wanted.name}: no request takes this rule today"
    shown = delegate.body.spec.export_to
    if not reach.is_exported(mesh, shown, delegate.namespace, root.namespace, "defaultVirtualServiceExportTo"):
        return f"{namespace}/{wanted.name} is not exported to {root.namespace}: no request takes this rule today"
    if any(each.delegate for each in delegate.body.spec.http):
        return f"{namespace}/{wanted.name} delegates itself, which Istio rejects"
    return delegate


def merged(root: HTTPRule, leaves: tuple[HTTPRule, ...]) -> Iterator[Merged | int]:
    """The rules that take the root's place, in order; a number is that of a rule that conflicts with the root."""
    for number, leaf in enumerate(leaves):
        pairs = _pairs(root.match, leaf.match)
        if pairs is None:
            yield number
            continue
        inherited = tuple(name for name in INHERITED if not _is_set(leaf, name) and _is_set(root, name))
        fields: dict[str, Any] = {name: getattr(root, name) for name in inherited}
        name = "-".join(filter(None, (root.name, leaf.name)))
        rule = replace(leaf, name=name, match=tuple(each.match for each in pairs), **fields)
        yield Merged(number, rule, pairs, inherited)


def _is_set(rule: HTTPRule, name: str) -> bool:
    return getattr(rule, name) not in (None, ())


def _pairs(roots: tuple[HTTPMatch, ...], leaves: tuple[HTTPMatch, ...]) -> tuple[Pair, ...] | None:
    """All pairs that agree, the delegate's entry outside; None if one of its entries agrees with none of the root's."""
    if not roots:
        return tuple(Pair(each, number, None) for number, each in enumerate(leaves))
    if not leaves:
        return tuple(Pair(each, None, number) for number, each in enumerate(roots))
    pairs: list[Pair] = []
    for i, leaf in enumerate(leaves):
        own = [Pair(_united(root, leaf), i, j) for j, root in enumerate(roots) if not conflict(root, leaf)]
        if not own:
            return None
        pairs += own
    return tuple(pairs)


def _united(root: HTTPMatch, leaf: HTTPMatch) -> HTTPMatch:
    """The delegate's condition where it has one, else the root's; maps are united, the delegate wins per key."""
    return replace(
        leaf,
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
        stat_prefix=leaf.stat_prefix or root.stat_prefix,
    )


def conflict(root: HTTPMatch, leaf: HTTPMatch) -> bool:
    """Whether the delegate's entry is not inside the root's (`hasConflict`)."""
    texts = [(getattr(root, name), getattr(leaf, name)) for name in ("uri", "scheme", "method", "authority")]
    texts += [(root.headers.get(key), each) for key, each in leaf.headers.items()]
    texts += [(root.without_headers.get(key), each) for key, each in leaf.without_headers.items()]
    texts += [(root.query_params.get(key), each) for key, each in leaf.query_params.items()]
    if any(_disagree(mine, other) for mine, other in texts):
        return True
    if root.ignore_uri_case != leaf.ignore_uri_case or (root.port and leaf.port and root.port != leaf.port):
        return True
    if root.source_namespace and root.source_namespace != leaf.source_namespace:
        return True
    if any(leaf.source_labels.get(key, value) != value for key, value in root.source_labels.items()):
        return True
    return bool(root.gateways) and not set(leaf.gateways) <= set(root.gateways)


def _disagree(root: StringMatch | None, leaf: StringMatch | None) -> bool:
    """`stringMatchConflict`: both are given and the delegate's is not plainly narrower; so is presence on either side."""
    if root is None or leaf is None:
        return False
    if root.regex or leaf.regex:
        return True
    if root.exact:
        return leaf.exact != root.exact
    if root.prefix:
        return not (leaf.prefix or leaf.exact or "").startswith(root.prefix)
    return True
