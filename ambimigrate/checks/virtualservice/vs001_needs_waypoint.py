"""VS001: a VirtualService of the mesh whose Service has no working waypoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import in_mesh
from ambimigrate.kinds import Service, VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, reach, waypoints
from ambimigrate.topology.virtualservices import features, is_of_mesh


@rule("VS001", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body):
        return
    for number, host in enumerate(vs.body.spec.hosts):
        found = [each for each in reach.called(mesh, host, vs) if _is_served(mesh, vs, each)]
        unbound = [each for each in found if not waypoints.is_bound(mesh, each)]
        lost = losses(vs, unbound)
        if unbound and lost:
            yield Hit(
                vs.at("spec", "hosts", number),
                f"{host}: no waypoint serves {reach.listed(each.name for each in unbound)}, so ambient callers lose {lost}"
                f"{spread(vs)}",
                services=reach.needed(found),
            )


def _is_served(mesh: Mesh, vs: Resource[VirtualService], target: Resource[Any]) -> bool:
    """Whether a waypoint of the target would read the VirtualService and could serve it (headless Services have none)."""
    headless = isinstance(target.body, Service) and hosts.is_headless(target)
    return reach.is_read(mesh, vs.namespace, target) and not headless


def spread(vs: Resource[VirtualService]) -> str:
    """What becomes of requests that subsets or weights would have parted."""
    parted = {"subset routing", "traffic splits"} & set(features(vs.body))
    return "; requests spread over all endpoints" if parted else ""


def mesh_part(vs: VirtualService) -> VirtualService:
    """The VirtualService without the rules that are for gateways only."""
    http = tuple(r for r in vs.spec.http if not r.match or any(in_mesh(match) for match in r.match))
    return replace(vs, spec=replace(vs.spec, http=http))


def losses(vs: Resource[VirtualService], targets: list[Resource[Any]]) -> str:
    """What the VirtualService does beyond sending requests where they go anyway."""
    body = mesh_part(vs.body)
    said = list(features(body))
    own = {name for each in targets for name in reach.hostnames(each)}
    others = (
        each.destination.host
        for rule in body.spec.http
        for each in rule.route
        if hosts.full_name(each.destination.host, vs.namespace) not in own
    )
    if away := reach.listed(others):
        said.append(f"the routes to {away}")
    if any(rule.delegate for rule in body.spec.http):
        said.append("the delegated routes")
    return ", ".join(said)
