"""Edits inside lists, which a merge would replace as a whole, as JSON patches (RFC 6902) of an overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.model import Route
from ambimigrate.yamlio.edit import CannotEdit
from ambimigrate.yamlio.trees import Missing, edited

Op = Mapping[str, Any]
END = "-"  # RFC 6902: behind the last item of a list


def is_exact_only_here(edit: Edit, ops: Sequence[Op]) -> bool:
    """Whether a merge would do more than the edit, or would be undone by what the JSON patch, which comes later, does."""
    value = edit.value if isinstance(edit, Set) else None
    if any(isinstance(step, int) for step in edit.route) or isinstance(value, dict | list | tuple):
        return True
    own = _pointer(edit.route)
    return any(f"{each['path']}/".startswith(f"{own}/") or f"{own}/".startswith(f"{each['path']}/") for each in ops)


def operations(tree: Any, edits: Iterable[Edit]) -> tuple[Op, ...]:
    """The patch that makes the edits, each proved on the tree. Raises CannotEdit."""
    found: list[Op] = []
    for edit in from_the_end(edits):
        try:
            after = edited(tree, edit)
        except Missing:
            raise CannotEdit(f"the overlay has no {'.'.join(map(str, edit.route))}") from None
        op = _removed(after, edit.route) if isinstance(edit, Delete) else _set(tree, edit)
        if op is None:
            continue
        guard = _guard(tree, edit.route)
        found += [each for each in (*guard, op) if each["op"] != "test" or each not in found]
        if replayed(tree, (*guard, op)) != after:
            raise CannotEdit(f"{op['path']} cannot be changed by a JSON patch")
        tree = after
    return tuple(found)


def from_the_end(edits: Iterable[Edit]) -> list[Edit]:
    """List items go from the last to the first, so that no deletion moves the next."""
    every = list(edits)
    items = [each for each in every if isinstance(each, Delete) and isinstance(each.route[-1], int)]
    items.sort(key=lambda each: [step if isinstance(step, int) else -1 for step in each.route], reverse=True)
    return [each for each in every if each not in items] + items


def _set(tree: Any, edit: Set) -> Op | None:
    """The one operation of a Set: where its holder is missing, all that is missing is added at once."""
    node = tree
    for depth, step in enumerate(edit.route):
        at, rest = _pointer(edit.route[: depth + 1]), edit.route[depth + 1 :]
        if not _holds(node, step):
            path = f"{at.rpartition('/')[0]}/{END}" if isinstance(step, int) else at
            return {"op": "add", "path": path, "value": _below(rest, edit.value)}
        node = node[step]
        if node is None and rest:
            return {"op": "replace", "path": at, "value": _below(rest, edit.value)}
    return None if node == edit.value else {"op": "replace", "path": _pointer(edit.route), "value": edit.value}


def _below(rest: Route, value: Any) -> Any:
    return edited(None, Set(rest, value)) if rest else value


def _removed(after: Any, route: Route) -> Op:
    """The removal of what is gone in the tree after it: a mapping that becomes empty goes with its last key."""
    node = after
    for depth, step in enumerate(route):
        if depth == len(route) - 1 or not _holds(node, step):
            return {"op": "remove", "path": _pointer(route[: depth + 1])}
        node = node[step]
    raise CannotEdit("a JSON patch cannot remove a whole object")


def _guard(tree: Any, route: Route) -> tuple[Op, ...]:
    """A test that the list items on the way are those that were meant: a base that moves them stops the build."""
    node, item, at = tree, None, ()  # type: Any, Any, Route
    for depth, step in enumerate(route):
        if not _holds(node, step):
            break
        node = node[step]
        if isinstance(step, int):
            item, at = node, route[: depth + 1]
    while isinstance(item, Mapping | list | tuple) and item:
        step = next(iter(item)) if isinstance(item, Mapping) else 0
        item, at = item[step], (*at, step)
    return ({"op": "test", "path": _pointer(at), "value": item},) if at and isinstance(item, str | int) else ()


def _holds(node: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(node, list | tuple) and step < len(node)
    return isinstance(node, Mapping) and step in node


def _pointer(route: Route) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in route)


# --- what a patch makes ---------------------------------------------------------------------------------------------


def replayed(tree: Any, ops: Iterable[Op]) -> Any:
    """The tree after a patch. Raises CannotEdit if the patch does not fit, or does what convert never writes."""
    for op in ops:
        try:
            route = tuple(_steps(tree, str(op["path"])))
            if op["op"] == "test":
                _test(tree, route, op["value"])
            elif op["op"] == "replace" or (op["op"] == "add" and _is_new(route, str(op["path"]))):
                tree = edited(tree, Set(route, op["value"]))
            else:
                tree = _taken_out(tree, route) if op["op"] == "remove" else _unknown(op)
        except (Missing, KeyError, IndexError, TypeError, ValueError):
            raise CannotEdit(f"the JSON patch of the overlay does not fit any more at {op.get('path')}") from None
    return tree


def _is_new(route: Route, path: str) -> bool:
    """Whether an `add` moves no other item of a list."""
    return isinstance(route[-1], str) or path.endswith(f"/{END}")


def _unknown(op: Op) -> Any:
    raise CannotEdit(f"the JSON patch of the overlay holds `{op['op']}`, which convert does not write")


def _test(tree: Any, route: Route, value: Any) -> None:
    for step in route:
        tree = tree[step]
    if tree != value:
        raise Missing(route)


def _taken_out(tree: Any, route: Route) -> Any:
    step, rest = route[0], route[1:]
    inner = _taken_out(tree[step], rest) if rest else tree[step]
    if isinstance(tree, Mapping):
        return {key: inner if key == step else item for key, item in tree.items() if rest or key != step}
    return [inner if number == step else item for number, item in enumerate(tree) if rest or number != step]


def _steps(tree: Any, path: str) -> Iterator[str | int]:
    for part in path.split("/")[1:]:
        if isinstance(tree, list | tuple):
            step: str | int = len(tree) if part == END else int(part)
            tree = tree[step] if isinstance(step, int) and step < len(tree) else None
        else:
            step = part.replace("~1", "/").replace("~0", "~")
            tree = tree.get(step) if isinstance(tree, Mapping) else None
        yield step


def merged(tree: Any, patch: Any) -> Any:
    """The tree after a merge patch of mappings, as convert writes them."""
    if not isinstance(patch, Mapping) or not isinstance(tree, Mapping | None):
        return patch
    found = dict(tree or {})
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found
