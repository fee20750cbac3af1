"""Services whose requests are hashed: proxies then choose and retry in another way, wherever a route names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.kinds import DestinationRule, Service
from ambimigrate.kinds.traffic import TrafficPolicy
from ambimigrate.model import Mesh, Resource, grouped
from ambimigrate.topology import hosts


def is_hashed(mesh: Mesh, service: Resource[Service], subset: str = "") -> bool:
    """Whether a DestinationRule for the Service, or for one of its subsets, hashes requests."""
    return is_hashed_host(mesh, hosts.host_of(service), subset)


def is_hashed_host(mesh: Mesh, host: str, subset: str = "") -> bool:
    """The same of a host, a ServiceEntry's among them."""
    return any(hosts.covers(pattern, host) for name in {"", subset} for pattern in mesh.index(_hashed).get(name, ()))


def _hashed(mesh: Mesh) -> Mapping[str, tuple[str, ...]]:
    """The hosts of the rules that hash, by subset; "" for the whole host."""
    return grouped(_found(mesh))


def _found(mesh: Mesh) -> Iterator[tuple[str, str]]:
    for rule in mesh.of(DestinationRule):
        spec, host = rule.body.spec, hosts.full_name(rule.body.spec.host, rule.namespace)
        if _hashes(spec.traffic_policy):
            yield "", host
        yield from ((each.name, host) for each in spec.subsets if _hashes(each.traffic_policy))


def _hashes(policy: TrafficPolicy | None) -> bool:
    found = (policy.load_balancer, *(each.load_balancer for each in policy.port_level_settings)) if policy else ()
    return any(each is not None and each.consistent_hash is not None for each in found)
