"""The outline of an object whose contents are nobody's business: its kind, name, namespace and labels, and not a byte more."""

from __future__ import annotations

import re

from ambimigrate.yamlio.read import Document

_TOP = re.compile(r"([A-Za-z]+):(?=\s|$)")
_INNER = re.compile(r"( +)([\w.]+):(?=\s|$)")
_KEPT, _HOLDER, _HELD = ("apiVersion", "kind"), "metadata", ("name", "namespace", "labels")


def outline(document: Document) -> Document | None:
    """The document with every other line emptied, so that the places of what is left are those in the file.

    None of an object that is not written in plain block style: there, lines do not tell where a field ends.
    """
    kept, top, inner, indent = [], "", "", 0
    for line in document.text.split("\n"):
        if (found := _TOP.match(line)) is not None:
            top, inner, indent = found[1], "", 0
            if top == _HOLDER and _says_more(line[found.end() :]):
                return None
        elif line[:1] not in {"", " ", "#", "\r", "-"}:
            return None
        elif top == _HOLDER and (held := _INNER.match(line)) and len(held[1]) <= (indent or len(held[1])):
            inner, indent = held[2], len(held[1])
        kept.append(line if top in _KEPT or (top == _HOLDER and (_is_top(line) or inner in _HELD)) else "")
    return Document(document.file, document.start, document.first_line, "\n".join(kept))


def _is_top(line: str) -> bool:
    return line[:1] not in {" ", "#", "-", "\r", ""}


def _says_more(rest: str) -> bool:
    """Whether something but a comment stands behind the key: a mapping in braces, an anchor."""
    return bool(rest.partition("#")[0].strip())
