"""AP804: ztunnel no longer refuses who comes past the waypoint to pods of a migrated namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Name, Pair, name, same, same_workload
from ambimigrate.gate.back.protection import guards, judging
from ambimigrate.model import Resource, Route, grouped
from ambimigrate.topology import policies
from ambimigrate.topology.workloads import Workload, in_namespace, services_of

Place = tuple[Name, str]


def check(pair: Pair) -> Iterator[Found]:
    """One finding for each object that has to change, for all the workloads that it leaves open."""
    if pair.before is None:
        return
    found: list[tuple[Place, tuple[Resource[Any], Workload, Name]]] = []
    for workload in (each for space in sorted(pair.migrated) for each in in_namespace(pair.after, space)):
        was = same_workload(pair.before, workload)
        had = guards(pair.before).get(id(was), ()) if was is not None else ()
        if not had or guards(pair.after).get(id(workload)) or not _judged(pair, workload):
            continue
        left = next((each for each in (same(pair.after, guard) for guard in had) if each is not None), None)
        place = left or workload.resource
        found.append(((name(place), "changed" if left else "deleted"), (place, workload, name(had[0]))))
    for (_, case), members in grouped(found).items():
        place, _, (_, _, guard) = members[0]
        who = policies.listed(str(each) for _, each, _ in members)
        why = "it no longer refuses" if case == "changed" else f"AuthorizationPolicy {guard} is gone, nothing refuses"
        route: Route = ("spec",) if case == "changed" else ("metadata", "name")
        yield Found(place, route, f"fails open: {why} callers that reach {who} past the waypoint and its policies", case)


def _judged(pair: Pair, workload: Workload) -> bool:
    """Whether a waypoint judges its requests by something that ztunnel cannot check."""
    return any(judging(pair.after, each) for each in services_of(pair.after, workload))
