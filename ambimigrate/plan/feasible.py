"""Which other orders of a plan's steps its commands can carry out: `convert` holds, or refuses, what goes too early."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ambimigrate.changes import Stage
from ambimigrate.plan.order import Order
from ambimigrate.plan.proof.moments import Moment


def is_possible(order: Order, judged: Collection[str], moments: Iterable[Moment]) -> bool:
    """Whether no namespace goes back a stage, no circle is taken apart, and no server goes on before its callers moved."""
    circles = {name: frozenset(circle) for circle in order.cycles for name in circle}
    callers = _callers(order, judged)
    reached: dict[str, int] = {}
    moved: set[str] = set()
    for one in moments:
        own = {*((each.namespace, each.stage) for each in one.changes), *((name, Stage.enroll) for name in one.enrolls)}
        moved |= one.enrolls
        known = frozenset(moved)
        if any(reached.get(name, 0) > stage for name, stage in own) or not all(
            circles.get(name, known) <= known for name in one.enrolls
        ):
            return False
        late = {name for name, stage in own if stage >= Stage.swap}
        if any(not callers.get(name, known) - circles.get(name, frozenset()) <= known for name in late):
            return False
        for name, stage in own:
            reached[name] = max(stage, reached.get(name, 0))
    return True


def _callers(order: Order, judged: Collection[str]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for caller, callees in order.callees.items():
        for callee in callees:
            if callee in judged:
                found.setdefault(callee, set()).add(caller)
    return {callee: frozenset(callers) for callee, callers in found.items()}
