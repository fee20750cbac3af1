"""The pods of egress waypoints among NetworkPolicies: callers come in, and they get out to the hosts, istiod and DNS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ambimigrate.changes import Change, Stage
from ambimigrate.converters import made
from ambimigrate.converters.networks import entries, waypoints
from ambimigrate.converters.networks.leaving import Exit, exits
from ambimigrate.converters.settings import Settings
from ambimigrate.kinds import NetworkPolicy
from ambimigrate.model import Mesh
from ambimigrate.topology import egress as outside
from ambimigrate.topology import meshconfig, networks
from ambimigrate.topology.networks import GATEWAY_NAME, NAME


def let_through(mesh: Mesh, namespace: str, settings: Settings) -> Iterator[Change]:
    """The policy for the pods of the namespace's egress waypoint that others bind, too. Raises Blocked."""
    every = exits(mesh, settings)
    mine = next((each for each in every if each.entry.namespace == namespace), None)
    if mine is None:
        return
    own = [each for each in every if each.waypoint == mine.waypoint]
    waypoint, beside = (
        mine.waypoint,
        next((each.entry for each in own if each.entry.namespace == mine.waypoint.namespace), None),
    )
    if beside is None:
        return
    pods = waypoints.pods_of(mesh, waypoint)
    bound = {each: list(networks.policies_on(mesh, pods, each)) for each in ("Ingress", "Egress")}
    blame = next((each for members in bound.values() for each in members), None)
    if blame is None:
        return
    spec: dict[str, Any] = {"podSelector": {"matchLabels": {GATEWAY_NAME: waypoint.name}}}
    spec |= {"policyTypes": [each for each, members in bound.items() if members]}
    if bound["Ingress"]:
        spec |= {"ingress": [{"from": list(_callers(own)), "ports": waypoints.tcp(())}]}
    if bound["Egress"]:
        spec |= {"egress": [*_gateways(own), *_beyond(mesh, own)]}
    metadata = made.metadata(waypoint.written or waypoint.name, beside)
    value = {"apiVersion": f"{NetworkPolicy.GROUP}/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    yield from waypoints.create(mesh, value, beside, blame, Stage.prepare)


def _callers(own: list[Exit]) -> Iterator[dict[str, Any]]:
    """Whoever sees an entry; the waypoint itself tells the entries apart."""
    if any(not each.callers for each in own):
        yield {"namespaceSelector": {}}
        return
    for name in sorted({name for each in own for name in each.callers}):
        yield {"namespaceSelector": {"matchLabels": {NAME: name}}}


def _gateways(own: list[Exit]) -> Iterator[dict[str, Any]]:
    """The gateways of chains: until these are retired, the waypoint sends through them."""
    said = []
    for leg, pods in ((one, pods) for each in own for one in each.legs for pods in one.pods):
        peer = {
            "namespaceSelector": {"matchLabels": {NAME: pods.namespace}},
            "podSelector": {"matchLabels": dict(leg.gateway.body.spec.selector)},
        }
        if peer not in said:
            said.append(peer)
            yield {"to": [peer]}


def _beyond(mesh: Mesh, own: list[Exit]) -> Iterator[dict[str, Any]]:
    """The hosts themselves, istiod, and DNS."""
    found: dict[tuple[str, ...], frozenset[int]] = {}
    for each in own:
        addresses = [one.address for one in each.entry.body.spec.endpoints]
        blocks = outside.blocks(addresses) if each.entry.body.spec.resolution == "STATIC" else outside.everywhere(mesh)
        found[blocks] = found.get(blocks, frozenset()) | each.ports
    for blocks, ports in found.items():
        allowed = [{"protocol": "TCP", "port": port} for port in sorted(ports)]
        yield {"to": [{"ipBlock": {"cidr": block}} for block in blocks], "ports": allowed}
    root = {"namespaceSelector": {"matchLabels": {NAME: meshconfig.root_namespace(mesh)}}}
    yield {"to": [root], "ports": [{"protocol": "TCP", "port": waypoints.ISTIOD}]}
    yield {"ports": [{"protocol": each, "port": entries.DNS} for each in ("UDP", "TCP")]}
