"""The smallest objects that still show a fault: parts are left out one by one while it stays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Fails = Callable[[Any], bool]
_PARTS = {
    "VirtualService",
    "DestinationRule",
    "AuthorizationPolicy",
    "Gateway",
}  # other objects are left out whole or not at all


def shrunk(tree: Any, fails: Fails) -> Any:
    """A part of the tree for which `fails` still holds and that loses it with any further item."""
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for route in list(_routes(tree)):
            other = _without(tree, route)
            if _holds(fails, other):
                tree, is_smaller = other, True
                break
    return tree


def _holds(fails: Fails, tree: Any) -> bool:
    try:
        return fails(tree)
    except (AssertionError, KeyError):
        return False  # no longer a mesh at all


def _routes(tree: Any, route: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        if key not in {"apiVersion", "kind", "metadata", "hosts", "host"}:
            yield (*route, key)
            if route or child["kind"] in _PARTS:
                yield from _routes(child, (*route, key))


def _without(tree: Any, route: tuple[Any, ...]) -> Any:
    found = copy.deepcopy(tree)
    parent = found
    for step in route[:-1]:
        parent = parent[step]
    del parent[route[-1]]
    return found
