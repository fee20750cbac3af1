"""HTML as text that is safe by construction: whatever is not markup already is escaped, and made visible, when it is put in."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import msgspec

_EMPTY = frozenset({"br", "input", "link", "meta"})
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029", "##": "#\\u0023"}
_COMMANDS = {"##": "#&#35;", "::": ":&#58;"}  # what servers of continuous integration follow in what is printed: style.visible


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Content = str | None | Iterable["Content"]
Attribute = str | int | float | bool | None


def shown(value: str) -> str:
    """The text with escapes for characters that are not seen or turn the direction of a line; all else is kept for copying."""
    return value if value.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in value)


def text(value: str) -> Html:
    """Plain text: nothing in it is read as markup, and no character of it is unseen or turns the direction of the line."""
    if isinstance(value, Html):
        return value
    escaped = html.escape(shown(value))
    for mark, harmless in _COMMANDS.items():
        escaped = escaped.replace(mark, harmless)
    return Html(escaped)


def el(tag: str, *content: Content, **attributes: Attribute) -> Html:
    """An element; `class_` stands for `class`, `data_x` for `data-x`; attributes that are None or False are left out."""
    start = f"<{tag}{''.join(_attributes(attributes))}>"
    return Html(start) if tag in _EMPTY else Html(f"{start}{join(content)}</{tag}>")


def _attributes(attributes: dict[str, Attribute]) -> Iterable[str]:
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        yield f" {key}" if value is True else f' {key}="{text(str(value))}"'


def join(content: Content) -> Html:
    """All of the content, one after the other."""
    if content is None:
        return Html("")
    if isinstance(content, str):
        return text(content)
    return Html("".join(map(join, content)))


def raw(value: str) -> Html:
    """Markup, styles or script of our own."""
    return Html(value)


def data(value: Any) -> Html:
    """A value as JSON that no text in it can end, for a script element."""
    found = msgspec.json.encode(value).decode()
    for character, escape in _UNSAFE.items():
        found = found.replace(character, escape)
    return Html(found)
