"""The rules of a VirtualService as the sidecar of a client compiles them for one of its ports, or a gateway for a server."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import Destination, HTTPMatch, HTTPRouteDestination, HTTPRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import delegates, registry
from ambimigrate.semantics import virtualservice_fields as fields
from ambimigrate.semantics.decision import Client, Mirror
from ambimigrate.semantics.destinations import Viewer, cluster, hash_policy
from ambimigrate.semantics.durations import seconds
from ambimigrate.semantics.envoy import Answer, Forward, Redirect, Route, Target, cut
from ambimigrate.semantics.visibility import MESH
from ambimigrate.topology import hosts
from ambimigrate.topology.workloads import matches


class Place(Struct, frozen=True):
    """Where a rule is compiled: for which client and port, and in whose namespace it was written.

    At a gateway its pod is the client; `gateway` is the Gateway of the server (namespace/name), `scheme` what that speaks.
    """

    mesh: Mesh
    client: Client
    port: int
    namespace: str
    gateway: str = MESH
    scheme: str = "http"

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.client.namespace, self.client.labels)

    def where(self, destination: Destination) -> tuple[str, int, str]:
        """Host, port and subset; without a port of its own a destination means the one that was dialled.

        At a gateway it means the only port of its Service first (route.go `GetDestinationCluster`).
        """
        host = hosts.full_name(destination.host, self.namespace)
        only = registry.only_port(self.mesh, host) if self.gateway != MESH else None
        port = destination.port.number if destination.port else only or self.port
        return host, port, destination.subset or ""


def compiled(mesh: Mesh, client: Client, port: int, resource: Resource[VirtualService]) -> tuple[Route, ...]:
    """The routes of a VirtualService for this client and port; none if every rule is for somebody else."""
    return routes(Place(mesh, client, port, resource.namespace), resource)


def routes(place: Place, resource: Resource[VirtualService]) -> tuple[Route, ...]:
    """The routes of a VirtualService at a place."""
    return cut(route for rule in delegates.rules(place.mesh, resource) for route in _routes(place, rule))


def _routes(place: Place, rule: HTTPRule) -> Iterator[Route]:
    """Every entry of `match` makes a route of its own, with the action of the rule."""
    for match in rule.match or (HTTPMatch(),):
        if _is_for(place, match):
            yield _route(place, rule, match)


def _is_for(place: Place, match: HTTPMatch) -> bool:
    """Port and source (route.go `sourceMatchHTTP`): where gateways are named, labels and namespace are not read."""
    if match.port and match.port != place.port:
        return False
    if match.gateways:
        return place.gateway in match.gateways
    if not matches(match.source_labels, dict(place.client.labels)):
        return False
    return match.source_namespace in {"", place.client.namespace}


def _route(place: Place, rule: HTTPRule, match: HTTPMatch) -> Route:
    request, response, authority = fields.header_changes(rule.headers)
    destinations = fields.destinations(rule, place.mesh.target.istio)
    if len(destinations) == 1:  # its changes join the rule's; those of several stay with their cluster
        own_request, own_response, _ = fields.header_changes(destinations[0].headers)
        request, response = request.then(own_request), response.then(own_response)
    return Route(
        fields.conditions(match),
        _action(place, rule, authority),
        request,
        response,
        fields.fault(rule.fault),
        fields.cors(rule.cors_policy),
    )


def _action(place: Place, rule: HTTPRule, authority: str) -> Forward | Redirect | Answer:
    if rule.redirect:
        return fields.redirect(rule.redirect, place.port, place.mesh.target.istio, scheme=place.scheme)
    if rule.direct_response:
        return fields.answer(rule.direct_response)
    return _forward(place, rule, authority)


def _forward(place: Place, rule: HTTPRule, authority: str) -> Forward:
    """The authority of the rule wins over that of a destination."""
    destinations = fields.destinations(rule, place.mesh.target.istio)
    hashed = _hashes(place, destinations)
    return Forward(
        tuple(_target(place, each, is_only=len(destinations) == 1) for each in destinations),
        fields.rewrite(rule.rewrite),
        (rule.rewrite.authority if rule.rewrite else "") or authority,
        seconds(rule.timeout) or None,
        fields.retries(place.mesh, rule.retries, hashed=bool(hashed) and len(destinations) == 1),
        tuple(Mirror(_backends(place, each), share) for each, share in fields.mirrors(rule)),
        hashed,
    )


def _target(place: Place, destination: HTTPRouteDestination, *, is_only: bool) -> Target:
    """A single destination gets everything, whatever its weight; of several, one without weight gets nothing."""
    found = cluster(place.mesh, place.viewer, *place.where(destination.destination))
    request, response, authority = fields.header_changes(destination.headers)
    if is_only:
        return Target(found, host=authority)
    return Target(found, destination.weight or 0, request, response, authority)


def _backends(place: Place, destination: Destination) -> tuple[str, ...] | None:
    return cluster(place.mesh, place.viewer, *place.where(destination)).backends


def _hashes(place: Place, destinations: tuple[HTTPRouteDestination, ...]) -> tuple[str, ...]:
    """What requests are hashed by; of several destinations those that get something say so (`processWeightedDestination`)."""
    used = [each for each in destinations if len(destinations) == 1 or each.weight]
    words = (hash_policy(place.mesh, place.viewer, *place.where(each.destination)) for each in used)
    return tuple(dict.fromkeys(word for each in words for word in each))
