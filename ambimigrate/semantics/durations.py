"""Durations as Istio and the Gateway API write them (`1.5s`, `1m30s`), in seconds."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str | None) -> float:
    """The length of a duration, 0 where there is none."""
    return round(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text or "")), 9)
