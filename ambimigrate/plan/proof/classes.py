"""Callers that nothing tells apart: what decides about one of them decides alike about all of its class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from ambimigrate.kinds import AuthorizationPolicy, DestinationRule, NetworkPolicy, Sidecar, VirtualService
from ambimigrate.kinds.core import NetworkPolicyPeer
from ambimigrate.kinds.security import Source
from ambimigrate.model import Mesh, Resource
from ambimigrate.plan.proof.around import OF_CLUSTER, OF_CNI, Pair
from ambimigrate.semantics.authz.strings import fits
from ambimigrate.semantics.networks import matches
from ambimigrate.topology import injection
from ambimigrate.verify import callers, places
from ambimigrate.verify.values import OUTSIDE, WORKLOAD, Caller, Place

_MODES = frozenset({injection.INJECTION, injection.REVISION, injection.MODE})


class Tests(Struct, frozen=True):
    """What objects ask about callers: lists of values of which one has to fit, and peers of NetworkPolicies."""

    lists: tuple[tuple[str, ...], ...]
    exact: bool  # some value is no plain pattern, so that only equal identities are alike
    peers: tuple[tuple[str, NetworkPolicyPeer], ...]
    is_routed: bool  # callers of different namespaces or labels may be routed differently

    @property
    def asks_for_modes(self) -> bool:
        """Whether a NetworkPolicy chooses namespaces by the labels that a move changes."""
        return any(_MODES & set(peer.namespace_selector.match_labels) for _, peer in self.peers if peer.namespace_selector)


def tests(meshes: Iterable[Mesh], own: Iterable[Place]) -> Tests:
    """All that is asked about callers in these meshes, which are parts."""
    meshes, own = tuple(meshes), tuple(own)
    lists = tuple(dict.fromkeys(each for mesh in meshes for each in _lists(mesh)))
    peers = tuple(each for mesh in meshes for each in _peers(mesh))
    exact = any("*" in value[1:-1] for each in lists for value in each)
    exact = exact or any(
        mesh.of(kind) for mesh in meshes for kind in (*OF_CNI, *OF_CLUSTER)
    )  # they choose in ways of their own
    routed = any(_tells_apart(each, place) for mesh in meshes for place in own for each in _routing(mesh, place))
    return Tests(lists, exact, peers, routed)


def _lists(mesh: Mesh) -> Iterator[tuple[str, ...]]:
    for policy in mesh.of(AuthorizationPolicy):
        for rule in policy.body.spec.rules or ():
            for source in (origin.source for origin in rule.from_ if origin.source is not None):
                yield from _of_source(source, policy.namespace)
            for each in (one for one in rule.when if one.key.startswith("source.")):
                yield from (each.values, each.not_values)


def _of_source(source: Source, namespace: str) -> Iterator[tuple[str, ...]]:
    yield from (source.principals, source.not_principals, source.namespaces, source.not_namespaces)
    for accounts in (source.service_accounts, source.not_service_accounts):
        yield tuple(_full(each, namespace) for each in accounts)


def _full(account: str, namespace: str) -> str:
    return account if "/" in account else f"{namespace}/{account}"


def _peers(mesh: Mesh) -> Iterator[tuple[str, NetworkPolicyPeer]]:
    for policy in mesh.of(NetworkPolicy):
        yield from ((policy.namespace, peer) for rule in policy.body.spec.ingress for peer in rule.from_)


def _routing(mesh: Mesh, place: Place) -> Iterator[Resource[Any]]:
    found = places.routing(mesh, place)
    yield from found
    yield from (each for each in mesh.of(DestinationRule) if found or each.namespace == place.namespace)


def _tells_apart(resource: Resource[Any], place: Place) -> bool:
    """Whether callers may be treated by who they are: by labels, by namespace, or by what they see."""
    body = resource.body
    if isinstance(body, DestinationRule):
        return resource.namespace != place.namespace or bool(body.spec.workload_selector) or _is_hidden(body.spec.export_to)
    if not isinstance(body, VirtualService):
        return False
    http = any(each.source_labels or each.source_namespace for rule in body.spec.http for each in rule.match)
    tcp = any(each.source_labels or each.source_namespace for rule in body.spec.tcp for each in rule.match)
    tls = any(each.source_labels or each.source_namespace for rule in body.spec.tls for each in rule.match)
    return http or tcp or tls or resource.namespace != place.namespace or _is_hidden(body.spec.export_to)


def _is_hidden(export_to: tuple[str, ...]) -> bool:
    return bool(export_to) and "*" not in export_to


def key(pair: Pair, asked: Tests, caller: Caller, place: Place) -> tuple[Any, ...]:
    """Equal for callers of a place that nothing tells apart, whatever data plane they are in."""
    own = _identity(asked, caller)
    near = caller.namespace == place.namespace
    # What lies in a caller's own namespace may hold its connections back.
    holds = asked.asks_for_modes or _is_bound(pair.before, caller.namespace) or _is_bound(pair.end, caller.namespace)
    bound = caller.namespace if holds else ""
    seen = (caller.namespace, caller.account, caller.labels) if asked.is_routed or asked.exact else ()
    peers = (_admitted(pair.before, asked, caller), caller.kind, bool(caller.workload)) if asked.peers else ()
    return bound, seen, caller.kind == OUTSIDE, near, caller.domain, caller.ip, own, peers


def bound(found: tuple[Any, ...]) -> str:
    """The namespace of a class whose own objects count, too; "" if none do."""
    return str(found[0])


def routed(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """What of the key of a class tells apart where requests are routed."""
    bound, seen, _, near, *_ = found
    return bound, seen, near


def is_plain(found: tuple[Any, ...]) -> bool:
    """Whether the key of a class names no namespace, so that it says the same elsewhere."""
    bound, seen, *_ = found
    return not bound and not seen


def _identity(asked: Tests, caller: Caller) -> tuple[Any, ...]:
    principal = f"/ns/{caller.namespace}/sa/{caller.account}"
    if asked.exact:
        return ()  # the namespace is part of the key then
    # The trust domain is the mesh's own for all but strangers, so any value in its place tells as much as the right one.
    texts = (caller.namespace, f"{caller.namespace}/{caller.account}")
    return tuple(
        (any(_is_principal(value, principal) for value in each), *(any(fits(value, text) for value in each) for text in texts))
        for each in asked.lists
    )


def _is_principal(value: str, principal: str) -> bool:
    """Whether a pattern means the identity in some trust domain; a prefix may end anywhere in it."""
    if value.startswith("*") or not value.endswith("*"):
        rest = value[1:] if value.startswith("*") else value[value.find("/ns/") :] if "/ns/" in value else value
        return principal.endswith(rest)
    rest = value[:-1]
    return principal.startswith(rest[rest.find("/ns/") :]) if "/ns/" in rest else True


def _is_bound(mesh: Mesh, namespace: str) -> bool:
    """Whether objects of a caller's namespace hold its connections back."""
    return namespace in mesh.index(_bound)


def _bound(mesh: Mesh) -> frozenset[str]:
    leaving = (each for each in mesh.of(NetworkPolicy) if "Egress" in each.body.spec.policy_types or each.body.spec.egress)
    return frozenset(each.namespace for found in (mesh.of(Sidecar), leaving, *map(mesh.of, OF_CNI)) for each in found)


def _admitted(mesh: Mesh, asked: Tests, caller: Caller) -> tuple[Any, ...]:
    labels = {"kubernetes.io/metadata.name": caller.namespace, **injection.labels(mesh, caller.namespace)}
    found = callers.find(mesh, caller) if caller.kind == WORKLOAD else None
    pods = found.labels if found is not None else dict(caller.labels)
    return tuple(
        (
            peer.namespace_selector is not None and matches(peer.namespace_selector, labels),
            peer.namespace_selector is None and caller.namespace == own,
            peer.pod_selector is not None and matches(peer.pod_selector, pods),
        )
        for own, peer in asked.peers
    )
