"""WP013: callers that started before a waypoint, and may still use connections that go past it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ambimigrate.checks import rule
from ambimigrate.kinds import AuthorizationPolicy, Gateway, Pod, RequestAuthentication, Service
from ambimigrate.model import Hit, Mesh, Resource, grouped
from ambimigrate.topology import callgraph, policies, running, waypoints


@rule("WP013", Gateway)
def check(gateway: Resource[Gateway], mesh: Mesh) -> Iterator[Hit]:
    made = gateway.body.metadata.creation_timestamp
    if not made or not waypoints.is_waypoint(gateway.body):
        return
    spaces = mesh.index(_bound).get((gateway.namespace, gateway.name), ())
    callers = {each.caller for each in callgraph.calls(mesh) if each.callee in spaces} if spaces else set()
    old = [each for name in sorted(callers) for each in running.pods(mesh, name) if _is_older(each, made)]
    if old:
        said = f"{len(old)} pods that seem to call it ({running.owner(old[0])} of {old[0].namespace}) are older than waypoint"
        case = "policy" if _enforces(mesh, gateway.namespace, *spaces) else "routing"
        begin = "fails open: " if case == "policy" else ""
        yield Hit(
            gateway.at("metadata"), f"{begin}{said} {gateway.name}: connections that they keep alive do not pass it", case
        )


def _bound(mesh: Mesh) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The namespaces that are served, by waypoint."""
    found = ((service, waypoints.binding(mesh, service)) for service in mesh.of(Service))
    return grouped(((each.namespace, each.name), service.namespace) for service, each in found if each)


def _is_older(pod: Resource[Pod], made: str) -> bool:
    """Times of Kubernetes are UTC in one format, so that they compare as text."""
    started = pod.body.metadata.creation_timestamp
    return bool(started) and str(started) < made and running.is_captured(pod)


def _enforces(mesh: Mesh, *namespaces: str) -> bool:
    found = (*mesh.within(AuthorizationPolicy, *namespaces), *mesh.within(RequestAuthentication, *namespaces))
    return any(policies.targets(each) for each in found)
