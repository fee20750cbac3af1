"""In which order namespaces become ambient: clients before servers with L7 rules, circles together, least risk first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct, field

from ambimigrate.converters import labels
from ambimigrate.kinds import Service
from ambimigrate.model import Mesh
from ambimigrate.plan.risk import risk
from ambimigrate.plan.units import units
from ambimigrate.plan.values import Graph
from ambimigrate.plan.waves import Ranks, Task, fill
from ambimigrate.plan.wishes import NONE, Wishes
from ambimigrate.topology import injection, waypoints
from ambimigrate.topology.workloads import in_namespace


class Order(Struct, frozen=True):
    """Waves of namespaces, the circles among them, and whom each namespace calls."""

    waves: tuple[tuple[str, ...], ...]
    cycles: tuple[tuple[str, ...], ...]
    callees: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def ahead(self, namespaces: Iterable[str], wanted: Collection[str]) -> tuple[str, ...]:
        """Those of `wanted` that must be bound before the namespaces move: themselves, whom they call, and whom those call.

        Convert binds no namespace of which a callee with rules for its callers is neither bound nor bound with it (NS906).
        """
        names = tuple(namespaces)
        found: dict[str, None] = {}
        left = [*names, *(each for name in names for each in self.callees.get(name, ()))]
        while left:
            here = left.pop()
            if here in wanted and here not in found:
                found[here] = None
                left += self.callees.get(here, ())
        return tuple(sorted(found))


class Asked(Struct, frozen=True):
    """What the order is made from: the calls, wishes, how much namespaces are called, and the number of the first wave."""

    graph: Graph
    judged: frozenset[str]  # namespaces with rules that only a waypoint carries out once they are ambient
    wishes: Wishes = NONE
    rates: Mapping[str, float] = field(default_factory=dict)
    first: int = 1


def order(mesh: Mesh, held: Collection[str], asked: Asked) -> Order:
    """The order for the namespaces of the mesh that have sidecars and are not held. Raises Contradiction.

    Sidecars bypass waypoints (Istio, endpoint_builder.go `findServiceWaypoint`), so a server with L7 rules moves after its
    callers, or with them. Deterministic: neither files nor their order count.
    """
    names = tuple(name for name in moving(mesh) if name not in held)
    pairs = {(edge.caller, edge.callee): edge.because for edge in reversed(asked.graph.edges) if edge.callee in asked.judged}
    found = units(names, pairs, asked.wishes.pinned)
    ranks = Ranks({name: risk(mesh, name, asked.judged) for name in names}, asked.rates)
    waves = fill(Task(found, ranks, asked.wishes, asked.first))
    return Order(waves, tuple(sorted(each for each in found.units if len(each) > 1)), _callees(asked.graph, names))


def moving(mesh: Mesh) -> Iterator[str]:
    """The namespaces that have sidecars to give up."""
    for name in injection.namespaces(mesh):
        if injection.is_system(mesh, name) or labels.is_of_gateways(in_namespace(mesh, name)):
            continue
        if injection.mode(mesh, name) in {injection.SIDECAR, injection.MIXED}:
            yield name


def _callees(graph: Graph, names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    known = frozenset(names)
    found: dict[str, dict[str, None]] = {}
    for edge in graph.edges:
        if edge.caller in known and edge.callee in known:
            found.setdefault(edge.caller, {})[edge.callee] = None
    return {caller: tuple(callees) for caller, callees in found.items()}


def bound(mesh: Mesh) -> Iterator[str]:
    """The namespaces with a Service that a waypoint serves already."""
    for service in mesh.of(Service):
        if waypoints.is_bound(mesh, service):
            yield service.namespace
