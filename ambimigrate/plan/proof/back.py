"""The lines that say how a step is undone: what has to be undone before it, and why its commands stand in that order."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.changes import Stage
from ambimigrate.plan.lines import remark
from ambimigrate.plan.proof.judge import REFUSED, UNAUDITED, UNENFORCED, Seen
from ambimigrate.plan.proof.undo import Back
from ambimigrate.plan.values import Step

_MOST = 8  # steps in a line


def lines(steps: tuple[Step, ...], number: int, found: Back | None) -> tuple[str, ...]:
    """How to undo one of the steps: as it says itself, behind what the proof has to say about that."""
    step = steps[number]
    first = dict.fromkeys(steps[each].id for each in found.first) if found else {}
    first.pop(step.id, None)
    return (*_first(list(first), found), *_bound(steps, number, first), *_window(found), *step.undo)


def _first(ids: list[str], found: Back | None) -> Iterator[str]:
    if found is not None and ids:
        named = ", ".join(ids) if len(ids) <= _MOST else f"{', '.join(ids[:_MOST])} and {len(ids) - _MOST} before them"
        done = "if done" if len(ids) == 1 else "in this order, as far as they are done"
        yield remark(f"first undo {named}, {done}; else {_danger(found.seen)}")


def _bound(steps: tuple[Step, ...], number: int, first: dict[str, None]) -> Iterator[str]:
    """A waypoint goes last: while it ends, istiod may answer for it with UnknownWaypoint (pitfalls RB04)."""
    if steps[number].stage is not Stage.waypoints:
        return
    spaces = {change.namespace for change in steps[number].changes}
    later = [each for each in steps[number + 1 :] if each.stage is Stage.bind]
    ids = [each.id for each in later if spaces & {change.namespace for change in each.changes} and each.id not in first]
    if ids:
        yield remark(f"first undo {', '.join(reversed(ids))}, if done: no Service may ask for a waypoint that goes")


def _window(found: Back | None) -> Iterator[str]:
    if found is not None and found.bare:
        yield remark(
            f"in this order: a pod that ztunnel lets go before it has a sidecar has no proxy, and {_danger(found.seen)}"
        )


def _danger(seen: Seen) -> str:
    return {
        UNENFORCED: f"{seen.policy} is not enforced",
        REFUSED: f"{seen.policy} refuses callers that it let in",
        UNAUDITED: f"{seen.policy} marks nothing",
    }.get(seen.kind, "they edit what this step made")
