"""How values look inside a text that is edited: quotes, block lines, flow, and the line ending in use."""

from __future__ import annotations

import json
import re
from typing import Any

from ambimigrate.yamlio.scalars import is_ambiguous

STEP = "  "
_LISTED = re.compile(r"^( *)[\w./\"'-]+:[ \r]*(?:#.*)?\n(?: *#.*\n|[ \r]*\n)*( *)- ", re.MULTILINE)
_UNSAFE_FIRST = frozenset("!&*-?|>@`\"'%#{}[],: ")


def newline(text: str) -> str:
    """The line ending of the text: that of its first line."""
    at = text.find("\n")
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"


def scalar(value: Any) -> str:
    """A scalar in block style: strings that some reader of YAML takes for something else are quoted."""
    if not isinstance(value, str):
        return json.dumps(value)
    if not value or is_ambiguous(value) or value[0] in _UNSAFE_FIRST or not value.isprintable():
        return json.dumps(value)
    if value[-1] in " :" or ": " in value or " #" in value:
        return json.dumps(value)
    return value


def of_lists(text: str) -> int:
    """How far the text indents the items of a list below its key: as the first of its lists, two spaces if it has none."""
    found = _LISTED.search(text)
    return len(STEP) if found is None or len(found[2]) > len(found[1]) else 0


def block(value: Any, indent: int, lists: int = len(STEP)) -> list[str]:
    """The lines of a mapping or list in block style; `lists` is how far a list is indented below its key."""
    pad = " " * indent
    lines: list[str] = []
    pairs = value.items() if isinstance(value, dict) else (("-", item) for item in value)
    for key, item in pairs:
        head = f"{pad}-" if key == "-" and isinstance(value, list) else f"{pad}{scalar(key)}:"
        if not isinstance(item, dict | list) or not item:
            lines.append(f"{head} {flow(item, json_style=False)}")
        elif isinstance(value, list):
            first, *rest = block(item, indent + len(STEP), lists)
            lines += [f"{head} {first.strip()}", *rest]
        else:
            lines += [head, *block(item, indent + (lists if isinstance(item, list) else len(STEP)), lists)]
    return lines


def flow(value: Any, *, json_style: bool) -> str:
    """A value in one line."""
    if json_style or (isinstance(value, str) and any(each in value for each in ",[]{}")):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item, json_style=False)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item, json_style=False) for item in value) + "]"
    return scalar(value)
