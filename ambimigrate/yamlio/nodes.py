"""Where the entries of a mapping or list stand in the text, to whom they belong, and where their lines end."""

from __future__ import annotations

from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ambimigrate.yamlio.read import key_text


class Entry(Struct, frozen=True):
    """A key with its value, or an item of a list (`key` is then the item itself)."""

    key: Node
    value: Node

    @property
    def has_key(self) -> bool:
        return self.key is not self.value

    @property
    def start(self) -> int:
        return int(self.key.start_mark.index)

    @property
    def is_alias(self) -> bool:
        """Whether the value is `*alias`: its node then stands where the anchor is, before the key."""
        return self.has_key and int(self.value.start_mark.index) < int(self.key.end_mark.index)

    @property
    def is_empty(self) -> bool:
        """Whether there is no value, or an empty `{}` or `[]`."""
        if isinstance(self.value, MappingNode | SequenceNode):
            return not self.value.value
        node = self.value
        return self.has_key and isinstance(node, ScalarNode) and not (node.value or node.style or node.tag)


def children(node: Node) -> list[Entry]:
    """The entries of a mapping or list in the order of the text."""
    if isinstance(node, SequenceNode):
        return [Entry(item, item) for item in node.value]
    return [Entry(key, value) for key, value in node.value]


def own(node: Node | None, step: str | int) -> Entry | None:
    """The entry that the mapping or list writes itself, not through a merge key."""
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return Entry(node.value[step], node.value[step]) if step < len(node.value) else None
    if isinstance(node, MappingNode):
        for key, value in reversed(node.value):
            if isinstance(key, ScalarNode) and key_text(key) == step:
                return Entry(key, value)
    return None


def indent_of(node: MappingNode) -> int:
    """The column of the keys of a block mapping."""
    return int(node.value[0][0].start_mark.column)


def end_of(text: str, entry: Entry) -> int:
    """The offset behind the last line of the entry, its line feed included, comments below it not."""
    return line_end(text, _last(entry))


def _last(entry: Entry) -> int:
    """The offset behind the last character of the entry that is no comment."""
    value = entry.value
    if entry.is_alias or (entry.has_key and entry.is_empty and isinstance(value, ScalarNode)):
        return int(entry.key.end_mark.index)
    if isinstance(value, ScalarNode):
        end = int(value.end_mark.index)
        return end if value.style not in {"|", ">"} else _block_end(value, end)
    if not isinstance(value, MappingNode | SequenceNode) or value.flow_style or not value.value:
        return int(value.end_mark.index)
    return max(_last(each) for each in children(value))


def _block_end(value: Node, end: int) -> int:
    """libyaml ends a block scalar at the start of the line behind it."""
    return max(end - 1, int(value.start_mark.index))


def line_start(text: str, at: int) -> int:
    """The offset of the first character of the line of `at`."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """The offset behind the line feed of the line of `at`, or the end of the text."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1
