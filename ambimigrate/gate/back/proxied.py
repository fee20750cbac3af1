"""RA801, EX801: tokens and extensions by selector in a migrated namespace, where no proxy carries them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, State, content, gained, meant
from ambimigrate.kinds import RequestAuthentication, TrafficExtension, WasmPlugin
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import policies

Words = Callable[[str], str]


def tokens(pair: Pair) -> Iterator[Found]:
    """RA801."""
    yield from gained(pair, _tokens)


def extensions(pair: Pair) -> Iterator[Found]:
    """EX801."""
    yield from gained(pair, _extensions)


def _tokens(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    for each in mesh.of(RequestAuthentication):
        if each.body.spec.jwt_rules:
            yield from _loose(mesh, each, spaces, "fails open: no token is checked at {}, since ztunnel knows none")


def _extensions(mesh: Mesh, spaces: frozenset[str]) -> Iterator[State]:
    kinds: tuple[type[Any], ...] = (WasmPlugin, TrafficExtension)
    for each in (found for kind in kinds for found in mesh.of(kind)):
        yield from _loose(mesh, each, spaces, "fails open: it does not run at {}: ztunnel runs no extensions")


def _loose(mesh: Mesh, policy: Resource[Any], spaces: frozenset[str], words: str) -> Iterator[State]:
    if not policies.targets(policy) and meant(mesh, policy, spaces):
        message = words.format(policies.scope(mesh, policy).words)
        yield (
            (policy.kind, policy.namespace, *content(policy.body.spec)),
            Found(policy, policies.selector_route(policy), message),
        )
