"""DR015: subsets of a Service that is routed by the Gateway API, which cannot name them."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.destinationrule.policies import subjects
from ambimigrate.kinds import DestinationRule, VirtualService
from ambimigrate.kinds.routes import Destination
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, reach


@rule("DR015", DestinationRule)
def check(dr: Resource[DestinationRule], mesh: Mesh) -> Iterator[Hit]:
    for target in subjects(mesh, dr) if dr.body.spec.subsets else ():
        routes = [each for each in reach.mesh_routes(mesh, target) if reach.is_read(mesh, each.namespace, target)]
        used = mesh.index(_used)
        if routes and used.isdisjoint(reach.hostnames(target)):
            names = reach.listed(subset.name for subset in dr.body.spec.subsets)
            yield Hit(
                dr.at("spec", "subsets"),
                f"{routes[0].ref} routes {target.name} and cannot name subsets: nothing uses {names} or their policies",
            )
            return


def _used(mesh: Mesh) -> frozenset[str]:
    """The hosts of which a VirtualService names a subset."""
    return frozenset(
        hosts.full_name(each.host, vs.namespace)
        for vs in mesh.of(VirtualService)
        for each in _destinations(vs.body)
        if each.subset
    )


def _destinations(vs: VirtualService) -> Iterator[Destination]:
    for http in vs.spec.http:
        yield from (each.destination for each in http.route)
        yield from (each.destination for each in http.mirrors)
        if http.mirror:
            yield http.mirror
    for tcp in vs.spec.tcp:
        yield from (each.destination for each in tcp.route)
    for tls in vs.spec.tls:
        yield from (each.destination for each in tls.route)
