"""WL016: rules of layer 7 for a headless Service, which no waypoint serves."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate import support
from ambimigrate.checks import rule
from ambimigrate.checks.l7 import rules_for
from ambimigrate.checks.pods import listed
from ambimigrate.kinds import EndpointSlice, Service
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import hosts, injection

_SERVICE = "kubernetes.io/service-name"  # the label of an EndpointSlice


@rule("WL016", Service)
def check(service: Resource[Service], mesh: Mesh) -> Iterator[Hit]:
    if not hosts.is_headless(service) or not injection.is_meshed(mesh, service.namespace):
        return
    place = service.at("spec", "clusterIP")
    found = rules_for(mesh, service)
    if found:
        yield Hit(
            place,
            f"{service.name} is headless: its clients dial pod addresses, past any waypoint, so {listed(found)} holds for none "
            "of them",
            "rules",
        )
    is_refused = support.status("headless-ipv6", "waypoint", mesh.target.istio) == "fails closed"
    if is_refused and "IPv6" in service.body.spec.ip_families:
        yield Hit(place, f"{service.name} is headless with IPv6: waypoints of this release refuse the listener for it", "ipv6")
    addresses = [] if service.body.spec.selector else list(_addresses(mesh, service))
    if addresses:
        said = f"{service.name} is headless and leads to addresses of no pod ({listed(addresses)})"
        yield Hit(
            place, f"{said}: ztunnel passes calls to them on as they are, and no policy of the mesh holds there", "addresses"
        )


def _addresses(mesh: Mesh, service: Resource[Service]) -> Iterator[str]:
    for found in mesh.within(EndpointSlice, service.namespace):
        if found.body.metadata.labels.get(_SERVICE) == service.name:
            for each in found.body.endpoints:
                yield from each.addresses if each.target_ref.kind != "Pod" else ()
