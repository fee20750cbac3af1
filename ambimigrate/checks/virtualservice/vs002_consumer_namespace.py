"""VS002: a VirtualService for the mesh in a namespace whose objects the Service's waypoint does not read."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.vs001_needs_waypoint import losses
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import is_of_mesh

HARMLESS = {"timeouts", "retries", "fault injection", "mirroring", "header changes"}


@rule("VS002", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body):
        return
    for number, host in enumerate(vs.body.spec.hosts):
        ignored = [each for each in reach.called(mesh, host, vs) if not reach.is_read(mesh, vs.namespace, each)]
        lost = losses(vs, ignored)
        if not ignored or not lost:
            continue
        read = reach.listed(sorted({name for each in ignored for name in reach.read_namespaces(mesh, each)}))
        yield Hit(
            vs.at("spec", "hosts", number),
            f"{host}: a waypoint reads VirtualServices of namespace {read} only; for ambient clients of {vs.namespace}"
            f" this one does nothing: {lost} end",
            case="policy" if HARMLESS.issuperset(lost.split(", ")) else "routing",
        )
