"""Services whose requests are hashed: proxies then choose and retry in another way, wherever a route names them."""

from __future__ import annotations

from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import hosts


def is_hashed(mesh: Mesh, service: Resource[Service]) -> bool:
    """Whether a DestinationRule for the Service hashes requests."""
    host = hosts.host_of(service)
    return any(hosts.covers(pattern, host) for pattern in mesh.index(_hashed))


def _hashed(mesh: Mesh) -> frozenset[str]:
    return frozenset(
        hosts.full_name(each.body.spec.host, each.namespace) for each in mesh.of(DestinationRule) if _hashes(each.body)
    )


def _hashes(rule: DestinationRule) -> bool:
    policy = rule.spec.traffic_policy
    found = (policy.load_balancer, *(each.load_balancer for each in policy.port_level_settings)) if policy else ()
    return any(each is not None and each.consistent_hash is not None for each in found)
