"""Where in a document a value stands that does not fit its view."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ambimigrate.model import Route

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def route(path: str) -> Route:
    """A route from msgspec's `$.spec.http[0].timeout`; stops at a key that msgspec does not name."""
    return tuple(_steps(path))


def _steps(path: str) -> Iterator[str | int]:
    for name, number in _STEP.findall(path):
        if number == "...":
            return
        yield int(number) if number else name
