"""YAML text to documents, their values, and the position of every node."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.model import Position, Route
from ambimigrate.yamlio.compose import compose, composed, lines_above, reason
from ambimigrate.yamlio.quick import lines_before, nearest
from ambimigrate.yamlio.scalars import KEYS, VALUES, tagged

MOST_VALUES = 400_000  # aliases may expand a document to so many values, as in the reader of Kubernetes

_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)


class Unreadable(Exception):
    """A document that is not valid; `line` is 1-based in its file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


class Document(Struct, frozen=True):
    """One YAML document, exactly as it stands in its file: `start` is the offset of `text` there, `first_line` is 1-based."""

    file: str
    start: int
    first_line: int
    text: str

    def at(self, route: Route) -> Position:
        """The position of the nearest ancestor of `route` that is in the text: a key, or an item of a list."""
        if (found := nearest(self.text, route)) is not None:
            place, depth = found
            column = place - self.text.rfind("\n", 0, place)
            return Position(self.file, self.first_line + lines_before(self.text, place), column, route[:depth])
        return self._composed_at(route)

    def _composed_at(self, route: Route) -> Position:
        try:
            node = compose(self.text)
        except (yaml.YAMLError, ValueError, RecursionError):
            node = None
        if node is None:
            return Position(self.file, self.first_line, 1, ())
        mark, depth = node.start_mark, 0
        for step in route:
            child = _child(node, step)
            if child is None:
                break
            place, node = child
            mark, depth = place.start_mark, depth + 1
        return Position(self.file, self.first_line + mark.line, mark.column + 1, route[:depth])

    def node(self, route: Route) -> tuple[Node, Node] | None:
        """The nodes of key and value at `route` (the item twice in a list), or None."""
        node = compose(self.text)
        found = (node, node)
        for step in route:
            child = None if node is None else _child(node, step)
            if child is None:
                return None
            found, node = child, child[1]
        return found


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return (node.value[step], node.value[step]) if step < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    for key, value in reversed(node.value):
        if _is_merge(key):
            if found := _merged_child(value, step):
                return found
        elif key_text(key) == step:
            return key, value
    return None


def _merged_child(value: Node, step: str | int) -> tuple[Node, Node] | None:
    sources = value.value if isinstance(value, SequenceNode) else [value]
    return next((found for each in sources if (found := _child(each, step))), None)


def documents(file: str, text: str) -> Iterator[Document]:
    """The documents of a file, also empty ones and those of comments only; markers belong to none."""
    start, line = 0, 1
    if "---" not in text and "..." not in text:  # half of all files, and quickly said
        yield Document(file, start, line, text)
        return
    for marker in _MARKER.finditer(text):
        yield Document(file, start, line, text[start : marker.start()])
        line += text.count("\n", start, marker.end())
        start = marker.end()
    yield Document(file, start, line, text[start:])


class Values(Struct):
    """The value of a document and its duplicate keys with their lines (1-based in the file)."""

    value: Any
    duplicates: list[tuple[str, int]]


def values(document: Document) -> Values:
    """What Kubernetes reads from a document: mappings without their null entries, keys as strings. Raises Unreadable."""
    walk = _Walk(document)
    try:
        node = composed(document.text)
        return Values(None if node is None else walk.value(node), walk.duplicates)
    except yaml.YAMLError as error:
        return Values(_json(document, error), [])
    except RecursionError:
        raise Unreadable("nested too deeply", document.first_line) from None
    except ValueError as error:
        raise Unreadable(f"not readable as YAML: {error}", document.first_line) from None


def _json(document: Document, error: yaml.YAMLError) -> Any:
    """The value of JSON that libyaml refuses (tabs, surrogate escapes), or Unreadable with libyaml's reason."""
    if document.text.lstrip().startswith("{"):
        try:
            return _without_nulls(json.loads(document.text))
        except (ValueError, RecursionError):
            pass
    raise Unreadable(f"not valid YAML: {reason(error, document.text)}", document.first_line + lines_above(error, document.text))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can name and nothing can write."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Walk:
    """From nodes to values; counts what it makes, so that aliases cannot expand without bound."""

    __slots__ = ("document", "duplicates", "left")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.left = max(MOST_VALUES, len(document.text))
        self.duplicates: list[tuple[str, int]] = []

    def value(self, node: Node) -> Any:
        if type(node) is ScalarNode:
            return _scalar(node)
        self.left -= len(node.value)
        if self.left < 0:
            raise Unreadable(f"aliases expand to more than {MOST_VALUES} values", self._line(node))
        if type(node) is SequenceNode:
            return [_scalar(item) if type(item) is ScalarNode else self.value(item) for item in node.value]
        return self._mapping(node)

    def _mapping(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: Collection[str] = ()
        nothing = False
        for key, item in node.value:
            name = key_text(key) if type(key) is not ScalarNode or key.style or key.tag else KEYS[key.value]
            if name is None:
                merged = self._merge(item, found)
                continue
            if name in found and name not in merged:
                self.duplicates.append((name, self._line(key)))
            found[name] = value = _scalar(item) if type(item) is ScalarNode else self.value(item)
            nothing = nothing or value is None
        return {name: value for name, value in found.items() if value is not None} if nothing else found

    def _merge(self, node: Node, into: dict[str, Any]) -> Collection[str]:
        """Merges over what stands before the merge key, as the YAML library of Kubernetes does; what is new by it."""
        sources = node.value if type(node) is SequenceNode else [node]
        before = set(into)
        for source in reversed(sources):
            value = self.value(source)
            if not isinstance(value, dict):
                raise Unreadable("a merge key (<<) needs a mapping", self._line(node))
            into |= value
        return into.keys() - before

    def _line(self, node: Node) -> int:
        return int(self.document.first_line + node.start_mark.line)


def _is_merge(key: Any) -> bool:
    return key.value == "<<" and not key.style and not key.tag


def _scalar(node: Any) -> Any:
    if node.tag:
        return tagged(node.tag, node.value)
    return node.value if node.style else VALUES[node.value]


def key_text(node: Node) -> str:
    """The name that a key is for Kubernetes, which knows only strings."""
    if type(node) is not ScalarNode:
        return "?"
    if node.style or node.tag:
        return str(node.value)
    return KEYS[node.value] or "<<"
