"""The part for the mesh of a VirtualService that gateways use, too: `routing` makes its routes, and both parts go together.

Its routes have the Service as parent, those of the gateways a Gateway, so that no request is decided by both (Istio,
gateway/route_collections.go `mergeHTTPRoutes`: routes are joined by parent). The name `mesh` goes with the first, in
`retire`, the VirtualService with the last Gateway that reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ambimigrate.changes import Change, Create, Delete
from ambimigrate.converters.outcome import Refused
from ambimigrate.converters.routing import keeping, routes
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Mesh, Ref, Resource
from ambimigrate.topology import chains
from ambimigrate.topology.virtualservices import is_of_mesh

_FIELD = ("spec", "gateways")


def check(mesh: Mesh, vs: Resource[VirtualService], settings: Settings) -> None:
    """Raises Refused where the part for the mesh stays."""
    if not is_of_mesh(vs.body):
        return
    if chain := chains.gateway(mesh, vs):
        raise Refused("mesh", _FIELD, f"it also sends what leaves the mesh through {chain[1]}")
    if keeping.is_kept(vs, mesh, settings):
        raise Refused("mesh", _FIELD, "it is kept for clients in the mesh, whose waypoint carries it out")
    if stuck := next(iter(routes.convert(vs, mesh, settings).held), None):
        raise Refused("mesh", _FIELD, f"its part for the mesh stays: {stuck.reason}", stuck.witness)


def names(mesh: Mesh, services: Iterable[Resource[VirtualService]], settings: Settings) -> Iterator[Ref]:
    """The routes that the parts for the mesh become, whose names are taken."""
    for vs in services:
        if is_of_mesh(vs.body):
            yield from (each.ref for each in routes.convert(vs, mesh, settings).changes if isinstance(each.action, Create))


def staying(
    mesh: Mesh, services: Iterable[Resource[VirtualService]], changes: Iterable[Change]
) -> Resource[VirtualService] | None:
    """The first of them whose part for the mesh is not ended by the changes."""
    ending = {each.ref for each in changes if each.mesh == mesh.name and _ends(each)}
    return next((vs for vs in services if is_of_mesh(vs.body) and vs.ref not in ending), None)


def _ends(change: Change) -> bool:
    """Whether it takes `mesh` out of the gateways of a VirtualService."""
    edits = change.action if isinstance(change.action, tuple) else ()
    return any(isinstance(each, Delete) and each.route[:2] == _FIELD for each in edits)
