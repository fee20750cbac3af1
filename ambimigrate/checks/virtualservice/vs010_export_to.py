"""VS010: exportTo, which a waypoint reads with its own eyes instead of the client's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.checks import rule
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach
from ambimigrate.topology.virtualservices import has_rules, is_of_mesh

DEFAULT = "defaultVirtualServiceExportTo"


@rule("VS010", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    if not is_of_mesh(vs.body) or not vs.body.spec.hosts or not has_rules(vs.body):
        return
    export = vs.body.spec.export_to
    where = vs.at("spec", "exportTo")
    found = [each for each in reach.readers(mesh, vs) if each.namespace and vs.namespace]
    hidden = [each for each in found if not _is_seen(mesh, vs, each)]
    if hidden:
        places = reach.listed(reach.waypoint_namespace(mesh, each) for each in hidden)
        yield Hit(
            where,
            f"exportTo does not show it to {places}, where the waypoint of {reach.listed(each.name for each in hidden)} is: it"
            " works without these routes",
            case="hidden",
        )
    elif found and export and "*" not in export:
        yield Hit(
            where,
            f"exportTo {reach.listed(export)}: the waypoint of {reach.listed(each.name for each in found)} applies these routes"
            " to callers from every namespace, also those that do not see them today",
            case="wider",
        )


def _is_seen(mesh: Mesh, vs: Resource[VirtualService], target: Resource[Any]) -> bool:
    """Whether the namespace of the target's waypoint sees the VirtualService."""
    return reach.is_exported(mesh, vs.body.spec.export_to, vs.namespace, reach.waypoint_namespace(mesh, target), DEFAULT)
