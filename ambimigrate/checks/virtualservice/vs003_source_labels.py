"""VS003: a rule for clients with certain labels, which a waypoint does not know."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.checks import rule
from ambimigrate.checks.virtualservice.conditions import destinations, entries
from ambimigrate.kinds import VirtualService
from ambimigrate.model import Hit, Mesh, Resource
from ambimigrate.topology import reach


@rule("VS003", VirtualService)
def check(vs: Resource[VirtualService], mesh: Mesh) -> Iterator[Hit]:
    found = reach.readers(mesh, vs)
    if not found:
        return
    for route, http, match in entries(vs.body):
        if not match.source_labels or match.gateways:  # with gateways the labels are not read, in sidecars neither
            continue
        labels = ", ".join(f"{key}={value}" for key, value in match.source_labels.items())
        where = vs.at(*route, "sourceLabels")
        name = reach.listed(each.name for each in found)
        yield Hit(where, f"at the waypoint of {name} this entry holds for every client, not only {labels}", case="everyone")
        yield Hit(
            where,
            f"the waypoint of {name} leaves this entry out: clients with {labels} no longer reach {destinations(http)}",
            case="gone",
        )
