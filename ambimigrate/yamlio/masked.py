"""Documents that hold Secrets beside other objects, without the data of those Secrets: every other byte keeps its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.yamlio.compose import composed
from ambimigrate.yamlio.read import Document, Unreadable, key_text, values

_HIDDEN = frozenset({"data", "stringData"})
_HIDDEN_METADATA = frozenset({"annotations", "managedFields"})  # what was applied last holds the data once more


def masked(document: Document) -> Document | None:
    """The document with empty braces for the data of each Secret in it; None if that cannot be done for sure."""
    try:
        root = composed(document.text)
        spans = sorted({(key.end_mark.index, node.end_mark.index) for key, node in _secrets(root)}, reverse=True)
        if not spans:
            return document
        text = document.text
        for start, end in spans:
            old = text[start:end]
            indent = old[len(old.rstrip(" ")) :] if "\n" in old else ""
            text = f"{text[:start]}: {{}}{''.join(each for each in old if each == chr(10))}{indent}{text[end:]}"
        found = Document(document.file, document.start, document.first_line, text)
        return found if values(found).value == _emptied(values(document).value) else None
    except (yaml.YAMLError, ValueError, RecursionError, Unreadable):
        return None


def _secrets(node: Node | None) -> Iterator[tuple[Node, Node]]:
    """The keys and values that are nobody's business: of a Secret, or of those in a List."""
    fields = _fields(node)
    kind = fields["kind"][1] if "kind" in fields else None
    if isinstance(kind, ScalarNode) and kind.value == "Secret":
        yield from (each for key, each in fields.items() if key in _HIDDEN)
        inner = _fields(fields["metadata"][1]) if "metadata" in fields else {}
        yield from (each for key, each in inner.items() if key in _HIDDEN_METADATA)
    items = fields["items"][1] if "items" in fields else None
    for each in items.value if isinstance(items, SequenceNode) else ():
        yield from _secrets(each)


def _fields(node: Node | None) -> dict[str, tuple[Node, Node]]:
    return {key_text(key): (key, value) for key, value in node.value} if isinstance(node, MappingNode) else {}


def _emptied(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    found = dict(tree)
    if tree.get("kind") == "Secret":
        found |= {key: {} for key in _HIDDEN & tree.keys()}
        metadata = tree.get("metadata")
        if isinstance(metadata, dict):
            found["metadata"] = metadata | {key: {} for key in _HIDDEN_METADATA & metadata.keys()}
    if isinstance(tree.get("items"), list):
        found["items"] = [_emptied(each) for each in tree["items"]]
    return found
