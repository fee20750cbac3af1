"""YAML text to documents, their values, and the position of every node."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.model import Position, Route
from ambimigrate.yamlio.scalars import plain

MOST_VALUES = 400_000  # aliases may expand a document to so many values, as in the reader of Kubernetes

_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_STRING = "tag:yaml.org,2002:str"


class Unreadable(Exception):
    """A document that is not valid; `line` is 1-based in its file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


class _Composer(CParser):
    """libyaml's composer without PyYAML's tag resolution: a node's tag is None unless it is written in the text."""

    def resolve(self, _kind: type, _value: str, _implicit: Any) -> None:
        return None

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


@dataclass(frozen=True)
class Document:
    """One YAML document, exactly as it stands in its file: `start` is the offset of `text` there, `first_line` is 1-based."""

    file: str
    start: int
    first_line: int
    text: str

    def at(self, route: Route) -> Position:
        """The position of the nearest ancestor of `route` that is in the text: a key, or an item of a list."""
        try:
            node = compose(self.text)
        except yaml.YAMLError:
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


@lru_cache(maxsize=256)
def compose(text: str) -> Any:
    """The node tree of one document, None of an empty one; yaml.YAMLError if it is not valid."""
    parser = _Composer(text if "\t" not in text or not text.lstrip().startswith("{") else text.replace("\t", " "))
    return parser.get_single_node()


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return (node.value[step], node.value[step]) if step < len(node.value) else None
    if not isinstance(node, MappingNode):
        return None
    named = (pair for pair in reversed(node.value) if isinstance(pair[0], ScalarNode) and key_text(pair[0]) == step)
    return next(named, None) or _merged_child(node, step)


def _merged_child(node: MappingNode, step: str | int) -> tuple[Node, Node] | None:
    merged = [value for key, value in node.value if _is_merge(key)]
    sources = [each for value in merged for each in (value.value if isinstance(value, SequenceNode) else [value])]
    return next((found for each in sources if (found := _child(each, step))), None)


def documents(file: str, text: str) -> Iterator[Document]:
    """The documents of a file, also empty ones and those of comments only; markers belong to none."""
    start, line = 0, 1
    for marker in _MARKER.finditer(text):
        yield Document(file, start, line, text[start : marker.start()])
        line += text.count("\n", start, marker.end())
        start = marker.end()
    yield Document(file, start, line, text[start:])


@dataclass(slots=True)
class Values:
    """The value of a document and its duplicate keys with their lines (1-based in the file)."""

    value: Any
    duplicates: list[tuple[str, int]]


def values(document: Document) -> Values:
    """What Kubernetes reads from a document: mappings without their null entries, keys as strings. Raises Unreadable."""
    walk = _Walk(document)
    try:
        node = _Composer(document.text).get_single_node()
    except yaml.YAMLError as error:
        return Values(_json(document, error), [])
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not readable as YAML: {error}", document.first_line) from None
    try:
        return Values(None if node is None else walk.value(node), walk.duplicates)
    except RecursionError:
        raise Unreadable("nested too deeply", document.first_line) from None


def _json(document: Document, error: yaml.YAMLError) -> Any:
    """The value of JSON that libyaml refuses (tabs, surrogate escapes), or Unreadable with libyaml's reason."""
    if document.text.lstrip().startswith("{"):
        try:
            return _without_nulls(json.loads(document.text))
        except (ValueError, RecursionError):
            pass
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    raise Unreadable(f"not valid YAML: {reason}", document.first_line + (mark.line if mark else 0))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


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
        merged: list[Node] = []
        count = 0
        for key, item in node.value:
            if _is_merge(key):
                merged.append(item)
                continue
            name = key_text(key)
            if name in found:
                self.duplicates.append((name, self._line(key)))
            value = _scalar(item) if type(item) is ScalarNode else self.value(item)
            if value is not None:
                found[name] = value
            count += 1
        for item in merged:
            found = self._merge(item) | found
        return found

    def _merge(self, node: Node) -> dict[str, Any]:
        sources = node.value if type(node) is SequenceNode else [node]
        merged: dict[str, Any] = {}
        for source in reversed(sources):
            value = self.value(source)
            if not isinstance(value, dict):
                raise Unreadable("a merge key (<<) needs a mapping", self._line(node))
            merged |= value
        return merged

    def _line(self, node: Node) -> int:
        return int(self.document.first_line + node.start_mark.line)


def _is_merge(key: Node) -> bool:
    return bool(key.value == "<<" and type(key) is ScalarNode and not key.style and key.tag is None)


def _scalar(node: Node) -> Any:
    tag = node.tag
    if tag is None:
        return node.value if node.style else plain(node.value)
    if tag in {_STRING, "!", "tag:yaml.org,2002:binary"}:
        return node.value
    return plain(node.value)


def key_text(node: Node) -> str:
    if type(node) is not ScalarNode:
        return repr(node.value)
    if node.style or node.tag == _STRING:
        return str(node.value)
    value = plain(node.value)
    if value is True or value is False:
        return "true" if value else "false"
    return str(node.value) if value is None or isinstance(value, str) else str(value)
