"""Edits in the text of a document, at the positions of libyaml's nodes: every other byte stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.model import Route
from ambimigrate.yamlio.compose import compose
from ambimigrate.yamlio.nodes import Entry, children, end_of, indent_of, line_end, line_start, own
from ambimigrate.yamlio.read import Document, Unreadable, values
from ambimigrate.yamlio.style import STEP, block, flow, newline, scalar
from ambimigrate.yamlio.trees import Missing, edited


class CannotEdit(Exception):
    """The text cannot be changed without touching something else; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def apply(document: Document, edits: Iterable[Edit]) -> str:
    """The text of the document after the edits, each proved by reading it again. Raises CannotEdit."""
    for edit in edits:
        text = _spliced(document, edit)
        _prove(document.text, text, edit)
        document = Document(document.file, document.start, document.first_line, text)
    return document.text


def _spliced(document: Document, edit: Edit) -> str:
    try:
        root = compose(document.text)
    except yaml.YAMLError as error:
        raise CannotEdit("the document is not valid YAML") from error
    if isinstance(edit, Set):
        start, end, new = _set(document.text, root, edit.route, edit.value)
    else:
        start, end, new = _delete(document.text, root, edit.route)
    return document.text[:start] + new + document.text[end:]


def _prove(before: str, after: str, edit: Edit) -> None:
    """Same values but for the edit, and every other line as it was; the splice itself keeps the bytes around it."""
    try:
        old, new = (values(Document("", 0, 1, text)) for text in (before, after))
        wanted = edited(old.value, edit)
        if isinstance(edit, Set) and edit.value is None:
            wanted = _without_nulls(wanted)  # as values are read
    except (Unreadable, Missing) as error:
        raise CannotEdit(f"{_named(edit.route)} is not written where it can be changed") from error
    if new.value != wanted or len(new.duplicates) > len(old.duplicates):
        raise CannotEdit(f"a change of {_named(edit.route)} would change other values, too")


def _without_nulls(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_nulls(item) for key, item in tree.items() if item is not None}
    return [_without_nulls(item) for item in tree] if isinstance(tree, list) else tree


def _named(route: Route) -> str:
    return ".".join(str(step) for step in route) or "the document"


# --- Set ------------------------------------------------------------------------------------------------------------


def _set(text: str, root: Node | None, route: Route, value: Any) -> tuple[int, int, str]:
    """The splice that gives the route its value: a scalar is replaced, what is missing is put into the nearest mapping."""
    node, depth = root, 0
    entry: Entry | None = None
    for step in route:
        found = own(node, step)
        if found is None:
            break
        entry, node, depth = found, found.value, depth + 1
    if depth == len(route) and entry is not None:
        return _replaced(text, entry, value)
    for step in reversed(route[depth + 1 :]):
        value = {step: value} if isinstance(step, str) else [value]
    step = route[depth]
    if entry is not None and entry.is_empty:
        return _filled(text, entry, {step: value} if isinstance(step, str) else [value])
    if isinstance(node, MappingNode) and isinstance(step, str):
        return _into_mapping(text, node, step, value)
    if isinstance(node, SequenceNode) and step == len(node.value):
        return _into_sequence(text, node, value)
    raise CannotEdit(f"{_named(route[:depth])} is neither a mapping nor a list")


def _replaced(text: str, entry: Entry, value: Any) -> tuple[int, int, str]:
    node = entry.value
    if not isinstance(node, ScalarNode) or entry.is_alias or node.style in {"|", ">"} or isinstance(value, dict | list):
        raise CannotEdit("only a plain or quoted value is replaced")
    if entry.is_empty:
        return _filled(text, entry, value)
    start, end = node.start_mark.index, node.end_mark.index
    if node.style == "'" and "'" not in str(value):
        return start, end, f"'{value}'"
    return start, end, json.dumps(value) if node.style == '"' else scalar(value)


def _filled(text: str, entry: Entry, value: Any) -> tuple[int, int, str]:
    """Gives `key:` without a value one."""
    node = entry.value
    if isinstance(node, MappingNode | SequenceNode):  # `{}` or `[]`
        return node.start_mark.index, node.end_mark.index, flow(value, json_style=_is_json(text))
    if node.value or not entry.has_key:
        raise CannotEdit("there is an explicit null")
    place = text.index(":", entry.key.end_mark.index) + 1
    if not isinstance(value, dict | list):
        return place, place, f" {scalar(value)}"
    at = line_end(text, place)
    lines = block(value, entry.key.start_mark.column + len(STEP))
    return _line_after(text, at, lines)


def _into_mapping(text: str, node: MappingNode, key: str, value: Any) -> tuple[int, int, str]:
    if node.flow_style or not node.value:
        return _into_flow(text, node, f"{_key(key, text, node)}: {flow(value, json_style=_is_quoted(node))}")
    last = children(node)[-1]
    return _line_after(text, end_of(text, last), block({key: value}, indent_of(node)))


def _into_sequence(text: str, node: SequenceNode, value: Any) -> tuple[int, int, str]:
    if node.flow_style or not node.value:
        return _into_flow(text, node, flow(value, json_style=_is_json(text)))
    last = children(node)[-1]
    dash = text.rindex("-", 0, last.start)
    return _line_after(text, end_of(text, last), block([value], dash - line_start(text, dash)))


def _into_flow(text: str, node: Node, written: str) -> tuple[int, int, str]:
    if not node.value:
        place = node.start_mark.index + 1
        return place, node.end_mark.index - 1, written
    every = children(node)
    first, last = every[0], every[-1]
    at = last.value.end_mark.index if not last.is_alias else last.key.end_mark.index
    if last.is_alias or line_start(text, first.start) == line_start(text, node.start_mark.index):
        return at, at, f", {written}"
    gap = text[line_start(text, first.start) : first.start]
    return at, at, f",{newline(text)}{gap}{written}" if not gap.strip() else f", {written}"


def _line_after(text: str, at: int, lines: list[str]) -> tuple[int, int, str]:
    """Puts whole lines after the line that ends at `at` (behind its line feed, or at the end of the text)."""
    end = newline(text)
    if at and text[at - 1] != "\n":
        return at, at, end + end.join(lines)
    return at, at, "".join(f"{line}{end}" for line in lines)


# --- Delete ---------------------------------------------------------------------------------------------------------


def _delete(text: str, root: Node | None, route: Route) -> tuple[int, int, str]:
    """The splice that takes out the key or item; a mapping or list that becomes empty goes with it."""
    path: list[tuple[Node, Entry]] = []
    node = root
    for step in route:
        found = own(node, step)
        if found is None or node is None:
            raise CannotEdit(f"{_named(route)} is not written in this document")
        path.append((node, found))
        node = found.value
    while len(path) > 1 and len(path[-1][0].value) == 1 and isinstance(route[len(path) - 2], str):
        path.pop()
    holder, entry = path[-1]
    if isinstance(holder, MappingNode | SequenceNode) and holder.flow_style:
        return _out_of_flow(text, holder, entry)
    start, end = line_start(text, entry.start), end_of(text, entry)
    before = text[start : entry.start]
    if isinstance(holder, SequenceNode):
        if before.strip() not in {"-"}:
            raise CannotEdit(f"{_named(route)} shares its line with something else")
        return start, end, ""
    if not before.strip():
        return start, end, ""
    return _first_of_item(text, holder, entry)


def _first_of_item(text: str, holder: Node, entry: Entry) -> tuple[int, int, str]:
    """Takes the key out of `- key: value`: the next key moves up beside the dash."""
    every = children(holder)
    following = next((each for each in every if each.start > entry.start), None)
    if following is None:
        raise CannotEdit("the only key of a list item cannot go alone")
    between = text[end_of(text, entry) : following.start]
    if between.strip():
        raise CannotEdit("a comment stands between two keys")
    return entry.start, following.start, ""


def _out_of_flow(text: str, holder: Node, entry: Entry) -> tuple[int, int, str]:
    every = children(holder)
    at = next(i for i, each in enumerate(every) if each.start == entry.start)
    if any(each.is_alias for each in every):
        raise CannotEdit("an alias stands beside it")
    if at + 1 < len(every):
        return entry.start, every[at + 1].start, ""
    start = every[at - 1].value.end_mark.index if at else entry.start
    return start, entry.value.end_mark.index, ""


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _is_quoted(node: MappingNode) -> bool:
    return any(key.style == '"' for key, _ in node.value)


def _key(key: str, text: str, node: MappingNode) -> str:
    return json.dumps(key) if _is_quoted(node) or _is_json(text) else scalar(key)


__all__ = ["CannotEdit", "Delete", "Set", "apply"]
