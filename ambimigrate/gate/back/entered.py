"""WP803: ingress gateways go past the waypoint of a Service of a migrated namespace again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.gate.back.compare import Found, Pair, holder, same
from ambimigrate.gate.back.protection import judging, routed
from ambimigrate.kinds import Service
from ambimigrate.model import Resource, Route, grouped
from ambimigrate.topology import fronts, policies, reach, waypoints

LABEL: Route = ("metadata", "labels", waypoints.INGRESS_USE)


def check(pair: Pair) -> Iterator[Found]:
    """One finding for each object whose label decides, for all the Services that it means."""
    if pair.before is None:
        return
    found: list[tuple[tuple[str, str, str], tuple[Resource[Any], Resource[Service], tuple[Resource[Any], ...]]]] = []
    for service in pair.after.within(Service, *sorted(pair.migrated)):
        was = same(pair.before, service)
        if was is None or not fronts.takes_ingress(pair.before, was) or fronts.takes_ingress(pair.after, service):
            continue
        security, routes = judging(pair.after, service), routed(pair.after, service)
        if waypoints.is_bound(pair.after, service) and (security or routes):
            resource = _holder(pair, was, service)
            case = "policies" if security else "routes"
            found.append(((resource.kind, resource.name, case), (resource, service, security or routes)))
    for (*_, case), members in grouped(found).items():
        resource = members[0][0]
        names = reach.listed(each.name for _, each, _ in members)
        others = policies.listed(str(each.ref) for *_, some in members for each in some)
        start = "fails open: " if case == "policies" else ""
        message = f"{start}ingress gateways send requests for {names} straight to the pods, past {others} at the waypoint"
        is_left = waypoints.INGRESS_USE in resource.body.metadata.labels
        yield Found(resource, LABEL if is_left else ("metadata", "name"), message, case)


def _holder(pair: Pair, was: Resource[Any], service: Resource[Any]) -> Resource[Any]:
    """The Service if it said so itself, or says no now; else the Namespace."""
    own = waypoints.INGRESS_USE in {*was.body.metadata.labels, *service.body.metadata.labels}
    return service if own else holder(pair.after, service.namespace) or service
