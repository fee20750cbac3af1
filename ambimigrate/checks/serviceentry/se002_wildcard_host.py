"""SE002: wildcard hosts, which ambient knows only with an address or with DYNAMIC_DNS and a waypoint."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.serviceentry.entries import concerns, is_bound, wildcards
from ambimigrate.kinds import ServiceEntry
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import flags, reach

TLS = {"TLS", "HTTPS"}


@rule("SE002", ServiceEntry)
def check(entry: Resource[ServiceEntry], mesh: Mesh) -> Iterator[Hit]:
    spec = entry.body.spec
    hosts = wildcards(entry.body)
    if not hosts or spec.addresses or not concerns(mesh, entry):
        return
    place = entry.at("spec", "hosts", spec.hosts.index(hosts[0]))
    names = reach.listed(hosts)
    if spec.resolution == "DYNAMIC_DNS":
        yield from _dynamic(entry, mesh, names)
    elif is_bound(mesh, entry):
        message = f"fails open: ztunnel does not recognise {names}, so its waypoint and policies are passed by"
        yield Hit(place, message, case="bound")
    else:
        yield Hit(place, f"{names} without addresses has no effect: ztunnel lets it pass as unknown traffic", case="plain")


def _dynamic(entry: Resource[ServiceEntry], mesh: Mesh, names: str) -> Iterator[Hit]:
    place = entry.at("spec", "resolution")
    yield Hit(place, f"Istio {mesh.target.istio} does not know DYNAMIC_DNS: the entry is refused", case="dynamic-old")
    if entry.body.spec.location == "MESH_INTERNAL":
        yield Hit(entry.at("spec", "location"), f"DYNAMIC_DNS for {names} is MESH_EXTERNAL only", case="dynamic-internal")
    if not is_bound(mesh, entry):
        message = f"DYNAMIC_DNS needs a waypoint and none serves {entry.name}: {names} has no effect"
        yield Hit(place, message, case="dynamic-unbound")
    for number, port in enumerate(entry.body.spec.ports):
        if port.protocol.upper() in TLS:
            where = entry.at("spec", "ports", number)
            yield Hit(where, f"port {port.number}: TLS to {names} is refused on Istio 1.28", case="dynamic-tls-old")
            if not flags.pilot_env(mesh, "ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS"):
                message = f"port {port.number}: TLS to {names} needs ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS in istiod"
                yield Hit(where, message, case="dynamic-tls")
