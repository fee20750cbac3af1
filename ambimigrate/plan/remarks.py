"""What a reader has to know about the order of a plan: what it could not keep to, and what it cannot know."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ambimigrate.model import Mesh
from ambimigrate.plan.graph import unnamed
from ambimigrate.plan.order import Asked, Order
from ambimigrate.plan.wishes import Named
from ambimigrate.topology import injection, reach
from ambimigrate.traffic import Traffic

_SIDECARS = frozenset({injection.SIDECAR, injection.MIXED})
EXCLUDED = "excluded by configuration"


def remarks(mesh: Mesh, order: Order, asked: Asked, held: Collection[str], traffic: Traffic | None) -> Iterator[str]:
    """One sentence each."""
    yield from _large(order, asked)
    yield from _past(mesh, order, asked)
    pinned = (Named(each.namespace, each.place) for each in asked.wishes.pinned)
    for each in (*asked.wishes.pilots, *pinned):
        if each.namespace in held:
            yield f"{each.place}: {each.namespace} is held, so it does not move as the configuration asks."
    if callees := unnamed(mesh, traffic):
        named = reach.listed(callees)
        yield f"Prometheus saw calls of {named} by callers whose namespace it does not know: they are not in the order."
    if order.waves and traffic is None:
        yield (
            "Callers that no object names are not in the order. `ambimigrate plan --traffic-query` prints the query that"
            " shows them; give its answer with --traffic."
        )


def _large(order: Order, asked: Asked) -> Iterator[str]:
    most = asked.wishes.max_wave
    for each in order.cycles:
        if most and len(each) > most:
            yield f"{reach.listed(each)} call each other in a circle and move together, although a wave has {most} at most."


def _past(mesh: Mesh, order: Order, asked: Asked) -> Iterator[str]:
    """Sidecars that stay and call what only a waypoint will judge."""
    moving = frozenset(name for wave in order.waves for name in wave)
    sidecars = (each for each in injection.namespaces(mesh) if injection.mode(mesh, each) in _SIDECARS)
    staying = frozenset(sidecars) - moving
    found: dict[str, dict[str, str]] = {}
    for edge in asked.graph.edges:
        if edge.callee in moving and edge.callee in asked.judged and edge.caller in staying:
            found.setdefault(edge.callee, {}).setdefault(edge.caller, edge.because)
    for callee, callers in found.items():
        first = next(iter(callers.values()))
        keep = "keeps its" if len(callers) == 1 else "keep their"
        yield f"{reach.listed(callers)} {keep} sidecars, which call {callee} past its waypoint ({first})."
