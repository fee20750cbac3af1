"""Compares a plan's order with others of the same steps: why each gap stays, and whether another order has fewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.plan.proof import walk
from ambimigrate.plan.proof.callees import Callee, Numbered
from ambimigrate.plan.proof.gaps import Count, count
from ambimigrate.plan.proof.judge import Seen
from ambimigrate.plan.proof.moments import Moments, Order
from ambimigrate.plan.proof.walk import Span
from ambimigrate.plan.values import Step, Wave, numbered

PLANNED = "as planned: clients before servers, circles together"
Pair = tuple[str, str, str]  # kind, policy, caller


class Tried(Struct, frozen=True, eq=False):
    """An order that was tried, what it opens and how much that is."""

    order: Order
    pairs: frozenset[Pair]
    count: Count
    sorted_pairs: tuple[Pair, ...]


def tried(callees: tuple[Callee, ...], orders: Iterable[Order], known: Numbered) -> tuple[Tried, ...]:
    """What the other orders open."""
    found = []
    for order in orders:
        spans = walk.every(callees, walk.track(order.moments, known))
        pairs = _pairs(spans)
        found.append(Tried(order, pairs, count(spans), tuple(sorted(pairs))))
    return tuple(found)


def _pairs(spans: Iterable[Span]) -> frozenset[Pair]:
    return frozenset((span.seen.kind, span.seen.policy, str(caller)) for span in spans for caller in span.group.members)


Fits = Callable[[Moments], bool]


def any_order(_moments: Moments) -> bool:
    """What fits where nothing says which orders can be carried out."""
    return True


def better(mine: Count, found: Iterable[Tried], fits: Fits = any_order) -> Tried | None:
    """The order with the fewest gaps, if it has fewer than the plan's own and its steps can be done as they are."""
    able = (each for each in found if each.order.is_possible and fits(each.order.moments))
    best = min(able, key=lambda each: each.count, default=None)
    return best if best is not None and best.count < mine else None


def why(found: tuple[Tried, ...], seen: Seen, same: tuple[Span, ...]) -> str:
    """Why the gap stays: what each order that was tried does to it."""
    if not found:
        return ""
    mine = _pairs(same)
    staying = [each for each in found if each.pairs & mine]
    others = [each for each in found if not each.pairs & mine]
    if not others:
        return f"it stays in each of the {len(staying) + 1} orders that were compared"
    least = min(others, key=lambda each: each.count)
    rest = f"{len(others) - 1} more orders avoid it and open no less" if len(others) > 1 else ""
    rest = rest or (f"it stays in the {len(staying)} others" if staying else "")
    return "; ".join(each for each in (f"{least.order.name}: opens {_more(least, mine)} instead", rest) if each)


def _more(one: Tried, mine: frozenset[Pair]) -> str:
    left = one.pairs - mine
    if not left:
        return "nothing"
    kind, policy, caller = next(each for each in one.sorted_pairs if each in left)
    words = "past" if kind == "unenforced" else "not let in by" if kind == "refused" else "unaudited by"
    return f"{len(left)} ({caller} {words} {policy}{', …' if len(left) > 1 else ''})"


def words(mine: Count, found: Iterable[Tried]) -> tuple[str, ...]:
    """The orders that were compared, each with what it opens."""
    return (f"{PLANNED}: {mine}", *(f"{each.order.name}: {each.count}" for each in found))


# --- carrying out another one ---------------------------------------------------------------------------------------

Window = Callable[[tuple[str, ...]], Step]


def rebuilt(waves: tuple[Wave, ...], order: Order, window: Window) -> tuple[Wave, ...]:
    """The waves in another order of their steps, numbered anew; `window` makes the step that moves some namespaces."""
    steps = {step.id: (number, step) for number, wave in enumerate(waves) for step in wave.steps}
    moving = [any(step.enrolls for step in wave.steps) for wave in waves]
    found: dict[int, list[Step]] = {}
    waiting: list[Step] = []
    done: set[str] = set()
    for one in order.moments:
        number, step = steps[one.id]
        if one.enrolls and one.enrolls != frozenset(step.enrolls):
            found.setdefault(number, []).extend((*waiting, window(tuple(sorted(one.enrolls)))))
            waiting = []
        elif one.id not in done and one.is_ahead and moving[number]:
            waiting.append(step)
        elif one.id not in done:
            found.setdefault(number, []).extend((*waiting, step))
            waiting = []
        done.add(one.id)
    return tuple(_renumbered(waves, found))


def _renumbered(waves: tuple[Wave, ...], found: dict[int, list[Step]]) -> Iterator[Wave]:
    for number, (old, steps) in enumerate(found.items(), waves[0].number if waves else 1):
        yield replace(waves[old], number=number, steps=tuple(numbered(steps, number)))
