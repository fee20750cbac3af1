"""What policies of Cilium and Calico come to as NetworkPolicies, and where in their text each rule of these stands."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ambimigrate.converters.outcome import Refused
from ambimigrate.kinds import LabelSelector
from ambimigrate.kinds.core import (
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from ambimigrate.model import Route

Tree = dict[str, Any]
DIRECTIONS = {"ingress": "from", "egress": "to"}


class Rule(Struct, frozen=True):
    """One rule: its number in the text, whom it admits (nobody named: everybody), on which ports (none: on all)."""

    number: int
    peers: tuple[NetworkPolicyPeer, ...]
    ports: tuple[NetworkPolicyPort, ...]


class Side(Struct, frozen=True):
    """One direction: its rules about pods, how many there are in the text, and whether nothing may be added behind them."""

    rules: tuple[Rule, ...]
    count: int
    closed: bool = False


class Reading(Struct, frozen=True):
    """A policy (or one of its `specs`, at `base`) as a NetworkPolicy; a direction that it does not restrict is None.

    `namespaces` are those of the pods that it selects, where it is for the whole cluster. `refused` says why there is no
    such form, and for which pods that matters if these are known.
    """

    base: Route
    pods: LabelSelector
    namespaces: LabelSelector | None
    ingress: Side | None = None
    egress: Side | None = None
    refused: Refused | None = None

    def spec(self) -> NetworkPolicySpec:
        """The same as Kubernetes writes it."""
        types = tuple(name for name, side in (("Ingress", self.ingress), ("Egress", self.egress)) if side is not None)
        entering = self.ingress.rules if self.ingress else ()
        leaving = self.egress.rules if self.egress else ()
        return NetworkPolicySpec(
            pod_selector=self.pods,
            policy_types=types,
            ingress=tuple(NetworkPolicyIngressRule(from_=each.peers, ports=each.ports) for each in entering),
            egress=tuple(NetworkPolicyEgressRule(to=each.peers, ports=each.ports) for each in leaving),
        )

    def side(self, direction: str) -> Side:
        """The rules of a direction."""
        return (self.ingress if direction == "ingress" else self.egress) or Side((), 0)

    def route(self, route: Route) -> Route:
        """Where in the text stands what has this route in the NetworkPolicy."""
        if len(route) < 3 or route[1] not in DIRECTIONS or not isinstance(route[2], int):
            return self.base if route[:1] == ("spec",) else route
        side = self.side(str(route[1]))
        known = route[2] < len(side.rules)
        return (*self.base, route[1], side.rules[route[2]].number) if known else self.base


def only(tree: Any, known: frozenset[str], route: Route) -> Tree:
    """The mapping, if it has no other fields than these (empty ones apart). Raises Refused."""
    if not isinstance(tree, dict):
        raise Refused("shape", route, f"{'.'.join(map(str, route[-2:]))} is no mapping")
    for key, value in tree.items():
        if key not in known and value not in (None, "", [], {}, False):
            raise Refused("field", (*route, key), f"{key} has no counterpart in the mesh")
    return tree


def listed(tree: Any, route: Route) -> list[Any]:
    """The list, an empty one for nothing. Raises Refused."""
    if tree is None:
        return []
    if not isinstance(tree, list):
        raise Refused("shape", route, f"{route[-1]} is no list")
    return tree
