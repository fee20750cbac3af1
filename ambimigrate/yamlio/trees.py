"""Edits on plain values: what a document or an object is after a Set or a Delete."""

from __future__ import annotations

from typing import Any

from ambimigrate.changes import Delete, Edit
from ambimigrate.model import Route


class Missing(Exception):
    """There is nothing at the route that an edit names."""


def edited(tree: Any, edit: Edit) -> Any:
    """The tree after the edit; the given one is left as it is. Raises Missing."""
    if isinstance(edit, Delete):
        return _without(tree, edit.route)
    return _with(tree, edit.route, edit.value)


def _with(tree: Any, route: Route, value: Any) -> Any:
    if not route:
        return value
    step, rest = route[0], route[1:]
    if isinstance(step, int):
        items = list(tree or ())
        if step > len(items):
            raise Missing(step)
        inner = items[step] if step < len(items) else None
        items[step:] = [_with(inner, rest, value), *items[step + 1 :]]
        return items
    holder = dict(tree or {}) if isinstance(tree, dict | None) else {}
    holder[step] = _with(holder.get(step), rest, value)
    return holder


def _without(tree: Any, route: Route) -> Any:
    step, rest = route[0], route[1:]
    if isinstance(step, int):
        if not isinstance(tree, list | tuple) or step >= len(tree):
            raise Missing(step)
        return [*tree[:step], *([_without(tree[step], rest)] if rest else ()), *tree[step + 1 :]]
    if not isinstance(tree, dict) or step not in tree:
        raise Missing(step)
    inner = _without(tree[step], rest) if rest else None
    return {key: inner if key == step else item for key, item in tree.items() if key != step or inner}


def without_nulls(tree: Any) -> Any:
    """The tree without the entries of its mappings that are null."""
    if isinstance(tree, dict):
        return {key: without_nulls(item) for key, item in tree.items() if item is not None}
    return [without_nulls(item) for item in tree] if isinstance(tree, list) else tree
