"""Versions of Istio and of the Gateway API, and lists of version ranges."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

NEWEST_PATCHES = {  # newest release known of each line, October 2026 (istio.io/latest/news/releases)
    (1, 22): 8,
    (1, 23): 6,
    (1, 24): 6,
    (1, 25): 5,
    (1, 26): 8,
    (1, 27): 9,
    (1, 28): 10,
    (1, 29): 8,
    (1, 30): 5,
    (1, 31): 1,
}


class Version(NamedTuple):
    """A release X.Y.Z; compares as numbers."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def line(self) -> tuple[int, int]:
        return self.major, self.minor


def parse(text: str) -> Version:
    """`X.Y` or `X.Y.Z`, with or without a leading v and a suffix such as `-distroless`; ValueError for anything else.

    `X.Y` means the newest patch known of that line, and .0 of a line that we never heard of.
    """
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+_][\w.+-]*)?", text.strip())
    if not found:
        raise ValueError(f"{text!r} is no version; write X.Y or X.Y.Z")
    major, minor, patch = found.groups()
    line = int(major), int(minor)
    return Version(*line, NEWEST_PATCHES.get(line, 0) if patch is None else int(patch))


NEWEST = Version(1, 31, NEWEST_PATCHES[1, 31])
NEWEST_GATEWAY_API = Version(1, 6, 0)


@cache
def at_least(version: Version, *bounds: str) -> bool:
    """Whether a change that landed in these releases is in `version`.

    Several bounds are the patch releases of a backport: `at_least(v, "1.28.6", "1.29.2", "1.30.0")` is true for 1.28.6 and
    later patches of 1.28, 1.29.2 and later of 1.29, and for 1.30.0 and everything after it.
    """
    parsed = sorted(_exact(bound) for bound in bounds)
    return any(version >= bound and version.line == bound.line for bound in parsed) or version >= parsed[-1]


@cache
def in_ranges(version: Version, ranges: str) -> bool:
    """Whether the version lies in a comma-separated list of ranges: `*`, `<1.25.1`, `>=1.26`, `1.27.0-1.29.6` (inclusive)."""
    return any(_in_range(version, part.strip()) for part in ranges.split(","))


def _in_range(version: Version, part: str) -> bool:
    if part == "*":
        return True
    if part.startswith(">="):
        return version >= _exact(part[2:])
    if part.startswith("<"):
        return version < _exact(part[1:])
    low, _, high = part.partition("-")
    upper = _exact(high) if high.count(".") == 2 else _exact(high or low)._replace(patch=999)
    if not high and low.count(".") == 2:
        upper = _exact(low)
    return _exact(low) <= version <= upper


def _exact(text: str) -> Version:
    parts = [int(number) for number in text.strip().split(".")]
    return Version(parts[0], parts[1], parts[2] if len(parts) > 2 else 0)
