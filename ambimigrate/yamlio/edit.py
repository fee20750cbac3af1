"""Edits in the text of a document, at the positions of libyaml's nodes: every other byte stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.changes import Delete, Edit, Set
from ambimigrate.model import Route
from ambimigrate.yamlio.compose import compose
from ambimigrate.yamlio.nodes import Entry, children, end_of, indent_of, line_end, line_start, own
from ambimigrate.yamlio.read import Document, Unreadable, values
from ambimigrate.yamlio.rounds import rounds
from ambimigrate.yamlio.style import STEP, block, flow, newline, of_lists, scalar
from ambimigrate.yamlio.trees import Missing, edited, without_nulls


class CannotEdit(Exception):
    """The text cannot be changed without touching something else; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def apply(document: Document, edits: Iterable[Edit]) -> str:
    """The text of the document after the edits, proved by reading it again. Raises CannotEdit."""
    every = tuple(edits)
    try:
        return _applied(document.text, rounds(every), every)
    except CannotEdit:
        text = document.text
        for edit in every:  # one by one: which of them cannot be made
            text = _applied(text, ((edit,),), (edit,))
        return text


def _applied(before: str, together: Iterable[tuple[Edit, ...]], edits: tuple[Edit, ...]) -> str:
    """The text after the edits, made in these rounds, with one proof for all."""
    text = before
    for each in together:
        text = _spliced(text, each)
    if edits:
        _prove(before, text, edits)
    return text


def _spliced(text: str, edits: tuple[Edit, ...]) -> str:
    """The text with edits that are independent of each other, the last place first."""
    try:
        root = compose(text)
    except yaml.YAMLError as error:
        raise CannotEdit("the document is not valid YAML") from error
    found = sorted((_splice(text, root, each) for each in edits), reverse=True)
    if any(one[0] < other[1] or one[:2] == other[:2] for one, other in pairwise(found)):
        raise CannotEdit("edits of different items overlap")
    parts, end = [], len(text)
    for start, stop, new in found:
        parts += [text[stop:end], new]
        end = start
    return "".join((text[:end], *reversed(parts)))


def _splice(text: str, root: Node | None, edit: Edit) -> tuple[int, int, str]:
    if isinstance(edit, Set):
        return _set(text, root, edit.route, edit.value)
    return _delete(text, root, edit.route)


def _prove(before: str, after: str, edits: tuple[Edit, ...]) -> None:
    """Same values but for the edits, and every other line as it was; the splices themselves keep the bytes around them."""
    last = edits[-1]
    try:
        old, new = (values(Document("", 0, 1, text)) for text in (before, after))
        wanted = reduce(edited, edits, old.value)
        if any(isinstance(each, Set) and each.value is None for each in edits):
            wanted = without_nulls(wanted)  # as values are read
    except (Unreadable, Missing) as error:
        raise CannotEdit(f"{_named(last.route)} is not written where it can be changed") from error
    if new.value != wanted or len(new.duplicates) > len(old.duplicates):
        raise CannotEdit(f"a change of {_named(last.route)} would change other values, too")


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
    below = of_lists(text) if isinstance(value, list) else len(STEP)
    lines = block(value, entry.key.start_mark.column + below, of_lists(text))
    return _line_after(text, at, lines)


def _into_mapping(text: str, node: MappingNode, key: str, value: Any) -> tuple[int, int, str]:
    if node.flow_style or not node.value:
        return _into_flow(text, node, f"{_key(key, text, node)}: {flow(value, json_style=_is_quoted(node))}")
    last = children(node)[-1]
    return _line_after(text, end_of(text, last), block({key: value}, indent_of(node), of_lists(text)))


def _into_sequence(text: str, node: SequenceNode, value: Any) -> tuple[int, int, str]:
    if node.flow_style or not node.value:
        return _into_flow(text, node, flow(value, json_style=_is_json(text)))
    last = children(node)[-1]
    dash = text.rindex("-", 0, last.start)
    return _line_after(text, end_of(text, last), block([value], dash - line_start(text, dash), of_lists(text)))


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
