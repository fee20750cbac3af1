"""DR006: sticky sessions, which waypoints of older versions do not keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import named, parts, read_subjects
from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("DR006", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    found = read_subjects(mesh, dr)
    for route, policy in parts(dr.body):
        if not found or policy.load_balancer is None or policy.load_balancer.consistent_hash is None:
            continue
        place = dr.at(*route, "loadBalancer", "consistentHash")
        tcp = [each for each in found if _is_tcp(each)]
        http = [each for each in found if each not in tcp]
        if tcp:
            message = f"the waypoint of {named(tcp)} does not hash TCP connections: affinity by source address is lost"
            yield Hit(place, message, case="tcp")
        if http:
            message = f"the waypoint of {named(http)} has a hash ring and no hash policy: sessions land on random pods"
            yield Hit(place, message, case="random")
        bare = [each for each in http if not _has_routes(mesh, each)]
        if bare:
            yield Hit(
                place,
                f"{named(bare)} has no VirtualService or HTTPRoute, without which a waypoint does not hash: sessions land on"
                " random pods",
                case="no-route",
            )


def _is_tcp(target: Resource[Any]) -> bool:
    """Whether all ports are declared TCP or TLS."""
    if isinstance(target.body, Service):
        words = [port.app_protocol or port.name.partition("-")[0] for port in target.body.spec.ports]
    else:
        words = [port.protocol.lower() for port in target.body.spec.ports]
    return bool(words) and all(word in {"tcp", "tls", "https", "mongo", "mysql", "redis"} for word in words)


def _has_routes(mesh: Mesh, target: Resource[Any]) -> bool:
    found = (*reach.mesh_routes(mesh, target), *reach.mesh_virtual_services(mesh, target))
    return any(reach.is_read(mesh, each.namespace, target) for each in found)
