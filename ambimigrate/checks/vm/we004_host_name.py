"""WE004: machines with a host name as their address, which ztunnel does not resolve on older releases."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from ambimigrate.checks import rule
from ambimigrate.kinds import WorkloadEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import injection


@rule("WE004", WorkloadEntry)
def check(entry: Resource[WorkloadEntry], mesh: Mesh) -> Iterator[Hit]:
    address = entry.body.spec.address
    if address and not _is_ip(address) and not address.startswith("unix:") and injection.is_meshed(mesh, entry.namespace):
        yield Hit(
            entry.at("spec", "address"),
            f"Istio {mesh.target.istio} gives ztunnel no address for {address}: ambient callers of {entry.name} fail",
        )


def _is_ip(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True
