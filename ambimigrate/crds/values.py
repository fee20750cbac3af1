"""Single values against keywords of CRDs that JSON Schema does not know, or reads in another way."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import re2

_BITS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1)}


def fits(name: str, value: Any) -> bool:
    """Whether a number fits into its format; other formats that these CRDs name are not checked by an API server."""
    return name not in _BITS or not isinstance(value, int) or _BITS[name][0] <= value <= _BITS[name][1]


@lru_cache(50_000)
def matches(text: str, pattern: str) -> bool:
    """Whether the pattern, as Go reads it, is found somewhere in the text; few texts are asked about once only."""
    return _compiled(pattern).search(text) is not None


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def repeated(value: Any, schema: dict[str, Any]) -> int | None:
    """The first element that a set, or a list that stands for a map, holds a second time."""
    kind, names = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", ())
    if kind not in {"set", "map"} or not isinstance(value, list):
        return None
    seen = set()
    for number, each in enumerate(value):
        key = repr([each.get(name) for name in names] if kind == "map" and isinstance(each, dict) else each)
        if key in seen:
            return number
        seen.add(key)
    return None


def has_repeated(value: Any, schema: dict[str, Any]) -> bool:
    """Whether an element occurs twice that may occur once."""
    return repeated(value, schema) is not None
