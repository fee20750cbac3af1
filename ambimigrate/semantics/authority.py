"""The name in a Host header, by which proxies choose virtual hosts."""

from __future__ import annotations

from ambimigrate.versions import Version, at_least


def name(authority: str, version: Version) -> str:
    """The Host header without port; with a trailing dot it is known from 1.27 on."""
    found, colon, port = authority.rpartition(":")
    found = (found if colon and port.isdigit() else authority).lower().strip("[]")
    return found.removesuffix(".") if at_least(version, "1.27.0") else found
