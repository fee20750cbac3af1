"""Which kinds and names a text tells of, before and without reading it as a whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from ambimigrate.kinds import NAMES
from ambimigrate.kinds.base import NEEDS_TEXT
from ambimigrate.yamlio import Unreadable, documents, values

_KIND = re.compile(r"""kind["']?\s*:\s*(?:[&!]\S+\s+)?["']?([A-Za-z]+)""")  # `\b` in front would make it five times slower
_OWN_KIND = re.compile(r"""^kind:\s*["']?(\w+)""", re.MULTILINE)


def kinds_in(text: str) -> list[str]:
    """Every kind that the text names, also as a reference."""
    return _KIND.findall(text)


def own_kinds(text: str) -> list[str]:
    """The kinds that stand at the beginning of a line."""
    return _OWN_KIND.findall(text)


def names_a_kind(text: str) -> bool:
    """Whether the text says anywhere that it is an object of a kind that we read."""
    return not NAMES.isdisjoint(kinds_in(text))


def holds_nothing(text: str) -> bool:
    """Whether the document is one object of a kind of which only parts are read, and has none of them."""
    own = own_kinds(text)
    return len(own) == 1 and own[0] in NEEDS_TEXT and not any(each in text for each in NEEDS_TEXT[own[0]])


def without_secrets(file: str, text: str) -> str:
    """The text of a file with nothing but line ends for each document that says it holds a Secret."""
    for each in documents(file, text):
        if "Secret" in kinds_in(each.text):
            blank = "".join(c if c == "\n" else " " for c in each.text)
            text = f"{text[: each.start]}{blank}{text[each.start + len(each.text) :]}"
    return text


def named(file: str, text: str, kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """Kind and name of the objects of these kinds in a file, as far as it can be read."""
    for document in documents(file, text.removeprefix("\ufeff")):
        if not set(kinds).isdisjoint(kinds_in(document.text)):
            try:
                tree = values(document).value
            except Unreadable:
                continue
            yield from ((kind, name) for kind, name in _named(tree) if kind in kinds)


def _named(tree: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(tree, dict):
        return
    metadata = tree.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if isinstance(name, str):
        yield str(tree.get("kind")), name
    items = tree.get("items")
    for item in items if isinstance(items, list) else ():
        yield from _named(item)
