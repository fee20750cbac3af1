"""Comments `# ambimigrate: ignore[ID] because …` in a document: their words, and the part of the text that they cover.

A comment belongs to a line: to its own, or, where it stands alone, to the next one that holds more than comments. It covers
what begins there: a field or an item with everything in it, or, on the first line of an object, the object. A comment in
front of the `---` of the first document belongs to that document.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.model import Position, Route
from ambimigrate.suppressions.values import Area, Spot
from ambimigrate.suppressions.wording import Said, of_comment
from ambimigrate.yamlio import Document
from ambimigrate.yamlio.compose import compose
from ambimigrate.yamlio.nodes import Entry, children, end_of
from ambimigrate.yamlio.read import key_text

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what ends a line for libyaml
_COMMENT = re.compile(r"(?:^|(?<=[\s]))#[ \t]*ambimigrate:([^\n\r\x85\u2028\u2029]*)")
_EMPTY = re.compile(r"[ \t]*(?:#.*)?")
_LAST = 1 << 60
LOST = "stands in a template, whose comments are lost: use the annotation ambimigrate.io/ignore"


class Comment(Struct, frozen=True):
    """A comment of ours: its words, its place, what it covers, and the route to the first of it."""

    said: Said
    position: Position
    areas: tuple[Area, ...] = ()
    route: Route = ()
    is_lost: bool = False


class _Text(Struct, frozen=True):
    """A document with the offsets at which its lines begin."""

    document: Document
    starts: tuple[int, ...]

    def line(self, offset: int) -> int:
        """The line of an offset, counted from 0."""
        return bisect_right(self.starts, offset) - 1

    def spot(self, offset: int) -> Spot:
        """The line in the file and the column, both counted from 1."""
        line = self.line(offset)
        return self.document.first_line + line, offset - self.starts[line] + 1

    def is_empty(self, line: int) -> bool:
        """Whether a line holds nothing but comments."""
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.document.text)
        return _EMPTY.fullmatch(self.document.text[self.starts[line] : end].rstrip("\n\r\x85\u2028\u2029")) is not None


def comments(document: Document, above: tuple[Comment, ...] = ()) -> tuple[tuple[Comment, ...], bool]:
    """The comments of a document, those `above` it included, and whether it holds nothing else.

    What stands above an empty document is handed on to the next one.
    """
    text = _Text(document, (0, *(found.end() for found in _BREAK.finditer(document.text))))
    try:
        root: Any = compose(document.text)
    except (yaml.YAMLError, ValueError, RecursionError):
        found = tuple(_comment(each, text) for each in _COMMENT.finditer(document.text))
        lost = (*above, *found) if "{{" in document.text else ()  # what is no YAML at all is a problem of the input already
        return tuple(Comment(each.said, each.position, is_lost=True) for each in lost), False
    if root is None:
        return (*above, *(_comment(each, text) for each in _COMMENT.finditer(document.text))), True
    spans = sorted(_scalars(root, document.text, set()))
    placed = [Comment(each.said, each.position, (_whole(text),)) for each in above]
    for match in _COMMENT.finditer(document.text):
        number = bisect_right(spans, (match.start(), _LAST))
        if not (number and match.start() < spans[number - 1][1]):
            placed.append(_covering(_comment(match, text), text, root))
    return tuple(placed), False


def _whole(text: _Text) -> Area:
    """All of the document."""
    return Area(text.document.file, (text.document.first_line, 0), text.spot(len(text.document.text)))


def _comment(found: re.Match[str], text: _Text) -> Comment:
    line, column = text.spot(found.start())
    return Comment(of_comment(found[1]), Position(text.document.file, line, column))


def _scalars(node: Node, text: str, seen: set[int]) -> Iterator[tuple[int, int]]:
    """Where scalars stand: a `#` in them is no comment, but one behind the `|` of a block scalar is."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        start = int(node.start_mark.index)
        if node.style in {"|", ">"}:
            header = _BREAK.search(text, start)
            start = header.end() if header else start
        yield start, int(node.end_mark.index)
        return
    for entry in children(node):
        if entry.has_key:
            yield from _scalars(entry.key, text, seen)
        yield from _scalars(entry.value, text, seen)


def _covering(comment: Comment, text: _Text, root: Node) -> Comment:
    line = (comment.position.line or 1) - text.document.first_line
    offset = text.starts[line] + (comment.position.column or 1) - 1
    if not text.document.text[text.starts[line] : offset].strip():
        line = next((number for number in range(line, len(text.starts)) if not text.is_empty(number)), -1)
    if line < 0:
        return comment
    if text.line(int(root.start_mark.index)) == line:
        return Comment(comment.said, comment.position, (_whole(text),))
    found = tuple(_beginning(root, line, text, ()))
    areas = tuple(Area(text.document.file, text.spot(entry.start), text.spot(_end(text, entry))) for entry, _ in found)
    return Comment(comment.said, comment.position, areas, found[0][1] if found else ())


def _beginning(node: Node, line: int, text: _Text, route: Route) -> Iterator[tuple[Entry, Route]]:
    """The outermost entries that begin on a line, with the routes that lead to them."""
    for number, entry in enumerate(children(node) if isinstance(node, MappingNode | SequenceNode) else ()):
        step = key_text(entry.key) if entry.has_key else number
        if text.line(entry.start) == line:
            yield entry, (*route, step)
        elif not entry.is_alias and text.line(int(entry.value.start_mark.index)) <= line <= text.line(_end(text, entry) - 1):
            yield from _beginning(entry.value, line, text, (*route, step))


def _end(text: _Text, entry: Entry) -> int:
    """The offset behind the entry."""
    value = entry.value
    if isinstance(value, MappingNode | SequenceNode) and value.flow_style and not entry.is_alias:
        return int(value.end_mark.index)
    return end_of(text.document.text, entry)
