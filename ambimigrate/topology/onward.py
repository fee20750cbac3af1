"""What a request misses that a waypoint sends on to another Service: its policies and its waypoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ambimigrate.model import Mesh, Resource
from ambimigrate.topology import attached, reach, waypoints


def skipped(mesh: Mesh, origin: Resource[Any], destination: Resource[Any]) -> tuple[str, str] | None:
    """Which case and which words, if a request to `origin` that is routed to `destination` misses something; else None.

    The waypoint of `origin` goes straight to the pods, without a second evaluation of routes or policies
    (Istio, listener_waypoint.go `getWaypointDestinationCluster`; observed 1.24.6 to master).
    """
    if reach.key(origin) == reach.key(destination):
        return None
    own = [each for each in attached.policies(mesh, destination) if each not in attached.policies(mesh, origin)]
    there = waypoints.binding(mesh, destination)
    here = waypoints.binding(mesh, origin)
    if own:
        names = reach.listed(str(each.ref) for each in own)
        return "policy", f"fails open: requests to {origin.name} reach {destination.name} past {names}"
    if there and not there.fault and (here is None or (here.namespace, here.name) != (there.namespace, there.name)):
        gateway = f"{there.namespace}/{there.name}"
        return "waypoint", f"requests to {origin.name} reach the pods of {destination.name} past its waypoint {gateway}"
    return None


def all_skipped(
    mesh: Mesh, origins: Iterable[Resource[Any]], destinations: Iterable[Resource[Any]]
) -> Iterator[tuple[str, str]]:
    """What is skipped on any way from one of the origins to one of the destinations."""
    ways = ((origin, destination) for destination in destinations for origin in origins)
    return (found for origin, destination in ways if (found := skipped(mesh, origin, destination)))
