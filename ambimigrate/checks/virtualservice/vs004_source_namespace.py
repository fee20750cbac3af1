"""VS004: a rule for clients of one namespace, which a waypoint compares with its own."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import destinations, entries
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("VS004", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    found = reach.readers(mesh, vs)
    if not found:
        return
    own = {reach.waypoint_namespace(mesh, each) for each in found}
    for route, http, match in entries(vs.body):
        wanted = match.source_namespace
        if not wanted or match.gateways:
            continue
        where = vs.at(*route, "sourceNamespace")
        every = f"sourceNamespace {wanted}: at the waypoint of {reach.listed(each.name for each in found)}"
        yield Hit(where, f"{every} this entry holds for clients of every namespace", case="everyone")
        if own == {wanted}:
            yield Hit(where, f"{every}, itself in {wanted}, it holds for every client", case="always")
        else:
            yield Hit(
                where,
                f"{every}, in {reach.listed(sorted(own))}, it never holds: nobody reaches {destinations(http)} by it",
                case="never",
            )
