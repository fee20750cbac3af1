"""CT004: Argo Rollouts shifts traffic by Istio's routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.checks.pods import sequence
from ambimigrate.kinds import Rollout, Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, injection, waypoints
from ambimigrate.topology.meshconfig import dig
from ambimigrate.topology.virtualservices import is_of_mesh

_ISTIO = ("canary", "trafficRouting", "istio")


@rule("CT004", Rollout)
def check(rollout: Resource[Rollout], mesh: Mesh) -> Iterator[Hit]:
    strategy = rollout.body.spec.strategy or {}
    istio = dig(strategy, _ISTIO)
    if not isinstance(istio, dict) or not injection.is_meshed(mesh, rollout.namespace):
        return
    routes = [mesh.find(VirtualService, rollout.namespace, name, rollout.file) for name in _names(istio)]
    if routes and all(each is not None and not is_of_mesh(each.body) for each in routes):
        return
    services = _services(mesh, rollout, routes, strategy)
    if services and all(waypoints.is_bound(mesh, each) for each in services):
        return
    yield Hit(
        rollout.at("spec", "strategy", *_ISTIO),
        f"{rollout.name} shifts traffic by the weights of VirtualService {', '.join(_names(istio)) or '(unnamed)'}: without "
        "a waypoint they do nothing, and its new pods get their share of all traffic at once",
        services=tuple(f"{each.namespace}/{each.name}" for each in services),
    )


def _names(istio: dict[str, Any]) -> list[str]:
    found = [istio.get("virtualService"), *sequence(istio.get("virtualServices"))]
    return [str(each["name"]) for each in found if isinstance(each, dict) and each.get("name")]


def _services(
    mesh: Mesh, rollout: Resource[Rollout], routes: list[Resource[VirtualService] | None], strategy: dict[str, Any]
) -> list[Resource[Service]]:
    """The Services that callers name: the hosts of the routes, else the stable Service."""
    named = [host for each in routes if each for host in each.body.spec.hosts] or [
        str(dig(strategy, ("canary", "stableService")))
    ]
    found = (hosts.service(mesh, host, rollout.namespace, rollout.file) for host in named)
    return [each for each in found if each is not None]
