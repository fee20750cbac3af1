"""The functions of CEL that rules of CRDs call, as Kubernetes defines them (k8s.io/apiserver/pkg/cel/library)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from ambimigrate.crds.values import matches

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_DURATION = re.compile(rf"[-+]?(?:{_PART.pattern})+")
_ENCODED = re.compile(r"(?:[^%\x00-\x1f\x7f]|%[0-9A-Fa-f]{2})*")
_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):(?!//(?![^/?#\s]*(?:[/?]|$)))|/)")


class Failed(Exception):
    """A rule that cannot be evaluated on a value; the API server then refuses the object."""


def duration(text: str) -> int:
    """Nanoseconds of a duration as Go's time.ParseDuration reads it."""
    if text in {"0", "+0", "-0"}:
        return 0
    parts = _PART.findall(text)
    if not _DURATION.fullmatch(text) or not all(whole or fraction for whole, fraction, _ in parts):
        raise Failed(f"{text!r} is no duration")
    total = 0
    for whole, fraction, unit in parts:
        total += int(whole or 0) * _NANOSECONDS[unit] + int(fraction or 0) * _NANOSECONDS[unit] // 10 ** len(fraction)
    return -total if text.startswith("-") else total


def is_url(text: str) -> bool:
    """Whether Go's url.ParseRequestURI takes it: an absolute URL or an absolute path, neither with a fragment."""
    return _ENCODED.fullmatch(text) is not None and _URL.match(text) is not None


def scheme(text: str) -> str:
    """The scheme of a URL, empty if it is only a path."""
    if not is_url(text):
        raise Failed(f"{text!r} is no URL")
    return (_URL.match(text) or [""])[1] or ""


def is_ip(text: str) -> bool:
    """Whether the text is an address of IPv4 or IPv6."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def substring(text: str, start: int, end: int | None = None) -> str:
    """The characters from `start` up to before `end`; outside of the text there is nothing to take."""
    if not 0 <= start <= (len(text) if end is None else end) <= len(text):
        raise Failed("index out of range")
    return text[start:end]


def contains(text: str, part: str) -> bool:
    """Whether the text holds the part."""
    return part in text


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": contains,
    "duration": duration,
    "endsWith": str.endswith,
    "getScheme": str.lower,
    "int": int,
    "isIP": is_ip,
    "isURL": is_url,
    "matches": matches,
    "size": len,
    "split": str.split,
    "startsWith": str.startswith,
    "substring": substring,
    "url": scheme,  # of which rules ask nothing else
}
