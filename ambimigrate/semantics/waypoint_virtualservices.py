"""What a waypoint makes of the VirtualServices of a Service that it serves (listener_waypoint.go)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ambimigrate.kinds import VirtualService
from ambimigrate.kinds.routes import Destination, Headers, HTTPMatch, HTTPRule
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import delegates, visibility
from ambimigrate.semantics import virtualservice_fields as fields
from ambimigrate.semantics.chain import Chain
from ambimigrate.semantics.decision import Mirror
from ambimigrate.semantics.destinations import cluster, hash_policy
from ambimigrate.semantics.durations import seconds
from ambimigrate.semantics.envoy import Answer, Cluster, Forward, Redirect, Route, Target, cut
from ambimigrate.semantics.mutation import NOTHING, Mutation
from ambimigrate.semantics.registry import only_port
from ambimigrate.semantics.visibility import Seen
from ambimigrate.topology import hosts
from ambimigrate.versions import at_least


def candidates(mesh: Mesh, chain: Chain) -> tuple[Seen, ...]:
    """All in the Service's or the waypoint's namespace that name the host or cover it."""
    found = visibility.virtual_services(mesh, chain.waypoint, chain.host).values()
    inside = {id(each.resource): each for listed in found for each in listed if _is_near(chain, each.resource)}
    return tuple(sorted(inside.values(), key=lambda each: each.order))


def _is_near(chain: Chain, resource: Resource[VirtualService]) -> bool:
    return resource.namespace in {chain.namespace, chain.waypoint}


def compiled(mesh: Mesh, chain: Chain, resource: Resource[VirtualService]) -> tuple[Route, ...]:
    """The routes of one VirtualService, up to its first catch-all."""
    return cut(_all_routes(mesh, chain, resource))


def _all_routes(mesh: Mesh, chain: Chain, resource: Resource[VirtualService]) -> Iterator[Route]:
    for rule in delegates.rules(mesh, resource):
        entries_of_rule = rule.match or (HTTPMatch(),)
        if kept := [each for each in entries_of_rule if _is_kept(mesh, chain, each)]:
            template = _action(mesh, chain, resource.namespace, rule)
            request, response = _changes(mesh, rule)
            fault, cors = fields.fault(rule.fault), fields.cors(rule.cors_policy)
            for each in kept:
                yield Route(fields.conditions(each), template, request, response, fault, cors)


def _is_kept(mesh: Mesh, chain: Chain, match: HTTPMatch) -> bool:
    """Nobody knows the caller here. Gateways count from 1.26 on, and then nothing is asked of the source.

    An entry with sourceLabels is dropped (up to 1.24 only the condition); sourceNamespace means the waypoint's from 1.26 on.
    """
    version = mesh.target.istio
    if match.port and match.port != chain.port:
        return False
    if not at_least(version, "1.26.0"):
        return not match.source_labels or not at_least(version, "1.25.0")
    if match.gateways:
        return visibility.MESH in match.gateways
    return not match.source_labels and match.source_namespace in {"", chain.waypoint}


def _changes(mesh: Mesh, rule: HTTPRule) -> tuple[Mutation, Mutation]:
    """The header changes of the route itself: the rule's, and those of an only destination behind them."""
    destinations = fields.destinations(rule, mesh.target.istio)
    levels = [rule.headers] + ([destinations[0].headers] if len(destinations) == 1 else [])
    request, response = NOTHING, NOTHING
    for level in levels:
        more_request, more_response, _ = fields.header_changes(level)
        request, response = request.then(more_request), response.then(more_response)
    return request, response


def _action(mesh: Mesh, chain: Chain, namespace: str, rule: HTTPRule) -> Forward | Redirect | Answer:
    if rule.redirect:
        return fields.redirect(rule.redirect, chain.port, mesh.target.istio)
    if rule.direct_response:
        return fields.answer(rule.direct_response)
    destinations = fields.destinations(rule, mesh.target.istio)
    written = [(each, _meant(mesh, chain, namespace, each.destination)) for each in destinations]
    if len(written) == 1:
        destination, meant = written[0]
        targets: tuple[Target, ...] = (Target(_cluster(mesh, chain, meant), host=_authority(destination.headers)),)
    else:
        targets = tuple(
            Target(_cluster(mesh, chain, meant), each.weight or 0, *fields.header_changes(each.headers))
            for each, meant in written
        )
    used = [meant for each, meant in written if len(written) == 1 or each.weight]
    hashes = dict.fromkeys(word for meant in used for word in _hash(mesh, chain, meant))
    return Forward(
        targets,
        rewrite=fields.rewrite(rule.rewrite),
        host=(rule.rewrite.authority if rule.rewrite else "") or _authority(rule.headers),
        timeout=seconds(rule.timeout) or None,
        retries=fields.retries(mesh, rule.retries, hashed=bool(hashes) and len(written) == 1),
        mirrors=tuple(
            Mirror(_cluster(mesh, chain, _meant(mesh, chain, namespace, each)).backends, share)
            for each, share in fields.mirrors(rule)
        ),
        hash=tuple(hashes),
    )


def _authority(headers: Headers | None) -> str:
    return fields.header_changes(headers)[2]


class _Meant(Struct, frozen=True):
    host: str
    port: int
    subset: str


def _meant(mesh: Mesh, chain: Chain, namespace: str, destination: Destination) -> _Meant:
    """Without a port: the only one of the destination's Service, else this chain's (route.go `GetDestinationCluster`)."""
    host = hosts.full_name(destination.host, namespace)
    if destination.port:
        return _Meant(host, destination.port.number, destination.subset or "")
    return _Meant(host, only_port(mesh, host) or chain.port, destination.subset or "")


def _cluster(mesh: Mesh, chain: Chain, meant: _Meant) -> Cluster:
    return cluster(mesh, chain.viewer, meant.host, meant.port, meant.subset)


def _hash(mesh: Mesh, chain: Chain, meant: _Meant) -> tuple[str, ...]:
    """Waypoints hash from 1.26 on."""
    if not at_least(mesh.target.istio, "1.26.0"):
        return ()
    return hash_policy(mesh, chain.viewer, meant.host, meant.port, meant.subset)
