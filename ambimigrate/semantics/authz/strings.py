"""The smallest comparisons of policies: a value with wildcard, an address with a block."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def fits(pattern: str, value: str) -> bool:
    """`*` (anything but nothing), `*suffix`, `prefix*`, or the value itself."""
    if pattern == "*":
        return bool(value)
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern


def in_block(block: str, address: str | None) -> bool:
    """Whether the address lies in a CIDR block, or is the one written; an unknown address lies in none."""
    network, ip = _network(block), _address(address or "")
    return network is not None and ip is not None and ip in network


@lru_cache(maxsize=4096)
def _network(block: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(block, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _address(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
