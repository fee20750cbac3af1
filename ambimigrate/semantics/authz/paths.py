"""Paths as Envoy compares them: normalised, without query, and templates with `{*}` and `{**}`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ambimigrate.semantics.strings import expression, never

BASE, MERGE, DECODE, NONE = "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES", "NONE"

# Envoy, source/extensions/path/uri_template_lib/uri_template_internal.cc: what a segment may hold.
_LITERAL = r"a-zA-Z0-9-._~%!$&'()+,;:@="
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_ESCAPED_SLASH = re.compile(r"%(?:2f|5c)", re.IGNORECASE)
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


@lru_cache(maxsize=4096)
def normalised(path: str, mode: str) -> str:
    """The path of a request under `meshConfig.pathNormalization`; the query stays as it is."""
    if mode == NONE:
        return path
    bare, mark, query = path.partition("?")
    if mode == DECODE:
        bare = _ESCAPED_SLASH.sub("/", bare)
    bare = _without_dots(_ESCAPE.sub(_decoded, bare.replace("\\", "/")))
    if mode in {MERGE, DECODE}:
        bare = re.sub("/{2,}", "/", bare)
    return bare + mark + query


def _decoded(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0]


def _without_dots(path: str) -> str:
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments[1:]:
        if segment == ".." and kept:
            kept.pop()
        elif segment not in {".", ".."}:
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept) if path.startswith("/") else path


@lru_cache(maxsize=4096)
def without_query(path: str) -> str:
    return re.split(r"[?#]", path, maxsplit=1)[0]


def is_template(pattern: str) -> bool:
    return "{*}" in pattern or "{**}" in pattern


def fits_template(pattern: str, path: str) -> bool:
    """Whether the path fits a template: `{*}` is one segment, `{**}` any number of them, none included."""
    return _template(pattern).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _template(pattern: str) -> Any:
    parts = re.split(r"(\{\*\*?\})", pattern)
    glob = {"{*}": f"[{_LITERAL}]+", "{**}": f"[{_LITERAL}/]*"}
    return expression("".join(glob.get(part) or re.escape(part) for part in parts)) or never()
