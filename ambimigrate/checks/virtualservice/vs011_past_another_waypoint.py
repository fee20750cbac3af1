"""VS011: a route to another Service whose own waypoint or policies the first waypoint skips."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import HTTPRouteDestination, RouteDestination
from ambimigrate.model import Hit, Mesh, Resource, Route
from ambimigrate.topology import onward, reach


@rule("VS011", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    origins = reach.readers(mesh, vs)
    said: set[str] = set()
    for route, destination in _destinations(vs.body) if origins else ():
        every = reach.targets(mesh, destination.destination.host, vs.namespace, vs.file)
        found = [each for each in every if each.namespace == vs.namespace] or every  # a host of several entries: the nearest
        for case, message in onward.all_skipped(mesh, origins, found):
            if message not in said:
                said.add(message)
                yield Hit(vs.at(*route, "destination", "host"), message, case=case)


def _destinations(vs: VirtualService) -> Iterator[tuple[Route, HTTPRouteDestination | RouteDestination]]:
    for i, http in enumerate(vs.spec.http):
        yield from ((("spec", "http", i, "route", j), each) for j, each in enumerate(http.route))
    for i, tcp in enumerate(vs.spec.tcp):
        yield from ((("spec", "tcp", i, "route", j), each) for j, each in enumerate(tcp.route))
