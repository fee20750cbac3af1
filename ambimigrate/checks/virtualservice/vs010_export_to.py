"""VS010: exportTo, which a waypoint reads with its own eyes instead of the client's."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import is_of_mesh

DEFAULT = "defaultVirtualServiceExportTo"


@rule("VS010", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body) or not vs.body.spec.hosts:
        return
    export = vs.body.spec.export_to
    where = vs.at("spec", "exportTo")
    for target in reach.readers(mesh, vs):
        waypoint = reach.waypoint_namespace(mesh, target)
        if not reach.is_exported(mesh, export, vs.namespace, waypoint, DEFAULT):
            yield Hit(
                where,
                f"exportTo does not show it to {waypoint}, where the waypoint of {target.name} is: it serves"
                f" {target.name} without these routes",
                case="hidden",
            )
        elif export and "*" not in export:
            yield Hit(
                where,
                f"exportTo {reach.listed(export)}: the waypoint of {target.name} applies these routes to callers from every"
                " namespace, also those that do not see them today",
                case="wider",
            )
