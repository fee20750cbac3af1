"""Durations: what a VirtualService writes, and the form that the Gateway API admits."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS: dict[str, int | Fraction] = {
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
    "us": Fraction(1, 1000),
    "\u00b5s": Fraction(1, 1000),
    "ns": Fraction(1, 1_000_000),
}
_PART = re.compile("([0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(ms|us|\u00b5s|ns|h|m|s)")
_MOST = 99_999  # Gateway API, Duration: five digits a unit


def milliseconds(text: str) -> int | None:
    """The length of a duration such as `1m0.5s`, None if it is none or no whole number of milliseconds."""
    if not text or "".join(found[0] for found in _PART.finditer(text)) != text:
        return None
    total = sum(
        (Fraction(number) if number[0] != "." else Fraction(f"0{number}")) * _UNITS[unit]
        for number, unit in _PART.findall(text)
    )
    return int(total) if total == int(total) else None


def written(length: int) -> str | None:
    """`^([0-9]{1,5}(h|m|s|ms)){1,4}$`; None if it is too long for that."""
    if length % 1000:
        seconds, rest = divmod(length, 1000)
        return f"{length}ms" if length <= _MOST else _joined(seconds, f"{rest}ms")
    return _joined(length // 1000, "")


def _joined(seconds: int, tail: str) -> str | None:
    if seconds <= _MOST:
        return f"{seconds}s{tail}"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = f"{hours}h{f'{minutes}m' if minutes else ''}{f'{left}s' if left else ''}{tail}"
    return parts if hours <= _MOST else None
