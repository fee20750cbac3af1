"""Where an egress gateway sends on what sidecars and waypoints send to it: its rules, as if it were the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from ambimigrate.kinds import IstioGateway, ServiceEntry, VirtualService
from ambimigrate.model import Mesh, Resource
from ambimigrate.semantics import gateways, registry, sidecar
from ambimigrate.semantics.decision import Client, Decision, Outcome, Request
from ambimigrate.semantics.delegates import gateway_name
from ambimigrate.semantics.gateways import merging
from ambimigrate.semantics.gateways.decide import MUTUAL
from ambimigrate.topology import hosts, injection
from ambimigrate.topology.workloads import Workload, matches, workloads
from ambimigrate.verify.values import Place

_KINDS = ("http", "tcp", "tls")


def follow(
    mesh: Mesh, found: Decision, place: Place, decide: Callable[[Mesh, Client, Outcome], Decision], *, by_waypoint: bool = False
) -> Decision:
    """The decision with what the gateway makes of it, for a host outside of the mesh.

    Waypoints do not speak the mTLS of sidecars, which servers with ISTIO_MUTUAL demand (ambient-support.md 4, 14; derived).
    """
    entry = registry.entries(mesh).get(place.host)
    if entry is None or not isinstance(entry.owner.body, ServiceEntry):
        return found
    outcomes: list[tuple[float, Outcome]] = []
    for share, outcome in found.outcomes:
        backend, gateway = _gateway(mesh, outcome)
        if gateway is None:
            outcomes.append((share, outcome))
            continue
        if by_waypoint and _demands_mutual(mesh, gateway, backend, place.host):
            outcomes.append((share, Outcome(503 if place.is_http else 0)))
            continue
        then = decide(mesh.once(_view, gateway, id(gateway)), Client(gateway.namespace, tuple(gateway.labels.items())), outcome)
        outcomes += [(share * part / 100, replace(end, through=backend)) for part, end in then.outcomes]
    return replace(found, outcomes=tuple(outcomes))


def requested(view: Mesh, gateway: Client, request: Request, sent: Outcome) -> Decision:
    """What the gateway makes of the request as it gets it; an answer that it leaves alone is then changed by who sent it."""
    got = sent.request
    if got is not None:
        request = replace(request, method=got.method, path=got.path, host=got.host, headers=got.headers)
    found = sidecar.decide(view, gateway, request)
    outcomes = (
        (share, replace(end, response=sent.response) if end.response == request.reply else end) for share, end in found.outcomes
    )
    return replace(found, outcomes=tuple(outcomes))


def _gateway(mesh: Mesh, outcome: Outcome) -> tuple[str, Workload | None]:
    for backend in outcome.backends:
        if found := mesh.index(_gateways).get(backend.rpartition(":")[0]):
            return backend, found
    return "", None


def _demands_mutual(mesh: Mesh, gateway: Workload, backend: str, host: str) -> bool:
    """Whether the server for the host, at the port where the gateway is entered, demands certificates of the mesh."""
    target = int(backend.rpartition(":")[2])
    own = (each for each in gateways.pods(mesh) if (each.namespace, each.name) == (gateway.namespace, gateway.name))
    ports = (port for each in own if (port := merging.merged(mesh, each).get(target)))
    servers = (server for port in ports for server in port.servers if any(hosts.covers(name, host) for name in server.hosts))
    return any(server.tls is not None and server.tls.mode == MUTUAL for server in servers)


def _gateways(mesh: Mesh) -> dict[str, Workload]:
    return {f"{each.namespace}/{each.name}": each for each in workloads(mesh) if injection.is_gateway(each)}


def _view(mesh: Mesh, gateway: Workload) -> Mesh:
    """The mesh with the rules for the gateway in place of those for clients."""
    others = [each for each in mesh.resources if not isinstance(each.body, VirtualService)]
    seen = [each for vs in mesh.of(VirtualService) for each in _of(mesh, vs, gateway)]
    return replace(mesh, resources=(*others, *seen), reads=None, _memo={})


def _of(mesh: Mesh, vs: Resource[VirtualService], gateway: Workload) -> Iterator[Resource[VirtualService]]:
    names = {name for each in vs.body.spec.gateways if _is_at(mesh, name := gateway_name(each, vs.namespace), vs.file, gateway)}
    if names:
        rules = {kind: tuple(_rules(getattr(vs.body.spec, kind), names, vs.namespace)) for kind in _KINDS}
        yield replace(vs, body=replace(vs.body, spec=replace(vs.body.spec, gateways=(), **rules)))


def _is_at(mesh: Mesh, name: str, near: str, gateway: Workload) -> bool:
    space, _, plain = name.rpartition("/")
    found = mesh.find(IstioGateway, space, plain, near)
    return found is not None and matches(found.body.spec.selector, gateway.labels)


def _rules(rules: tuple[Any, ...], names: set[str], namespace: str) -> Iterator[Any]:
    """The rules for the gateway; its port is not the one that the client calls."""
    for rule in rules:
        own = [
            each for each in rule.match if not each.gateways or names & {gateway_name(one, namespace) for one in each.gateways}
        ]
        if own or not rule.match:
            yield replace(rule, match=tuple(replace(each, gateways=(), port=None) for each in own))
