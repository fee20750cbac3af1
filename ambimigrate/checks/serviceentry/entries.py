"""What the rules about ServiceEntries ask: is a host a pattern, is an address a range, who uses the entry."""

from __future__ import annotations

import ipaddress

from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import reach, waypoints


def concerns(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    """Whether callers that become ambient use the entry."""
    return reach.is_called(mesh, entry)


def is_bound(mesh: Mesh, entry: Resource[ServiceEntry]) -> bool:
    """Whether a waypoint is to serve the entry and does as far as its Gateway goes."""
    found = waypoints.binding(mesh, entry)
    return found is not None and found.fault is None


def wildcards(entry: ServiceEntry) -> tuple[str, ...]:
    return tuple(host for host in entry.spec.hosts if host.startswith("*"))


def ranges(entry: ServiceEntry) -> tuple[str, ...]:
    """The addresses that mean more than one IP."""
    return tuple(each for each in entry.spec.addresses if _is_range(each))


def _is_range(address: str) -> bool:
    try:
        return ipaddress.ip_network(address, strict=False).num_addresses > 1
    except ValueError:
        return False
