"""The proof of a plan's order: at every step, half-done ones included, who is let in as before, and where not.

It knows nothing of how the waves were made: it follows their changes with `after(mesh, changes)` and asks the evaluators.
Files that are applied half are a gate of each step, and are not followed.
"""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct
from msgspec.structs import replace

from ambimigrate.converters.apply import after
from ambimigrate.model import Mesh
from ambimigrate.plan.proof import back, gaps, meanwhile, moments, orders, undo, walk
from ambimigrate.plan.proof.around import Pair
from ambimigrate.plan.proof.callees import Callee, Numbered, callees
from ambimigrate.plan.proof.orders import Window
from ambimigrate.plan.values import Gap, Step, Wave


class Proof(Struct, frozen=True):
    """The gaps that stay, how each step is undone (by its id), the orders that were compared, and the waves proven.

    `waves` are those that were given, or the same steps in an order with fewer gaps.
    """

    gaps: tuple[Gap, ...]
    undo: dict[str, tuple[str, ...]]
    orders: tuple[str, ...]
    waves: tuple[Wave, ...]


def proven(
    mesh: Mesh, waves: tuple[Wave, ...], window: Window, fits: orders.Fits = orders.any_order
) -> tuple[tuple[Wave, ...], tuple[str, ...]]:
    """The waves of one mesh with their gaps and ways back, and the orders that were compared; only what `fits` is taken."""
    proof = prove(mesh, waves, window, fits)
    first = {step.id: wave.number for wave in proof.waves for step in wave.steps}
    found: dict[int, list[Gap]] = defaultdict(list)
    for gap in proof.gaps:
        found[first[gap.from_step]].append(gap)
    ids = tuple(first)

    def told(step: Step) -> Step:
        open_ = meanwhile.words(step, ids, proof.gaps)
        return replace(step, undo=proof.undo.get(step.id, step.undo), unenforced=open_)

    made = (replace(wave, steps=tuple(map(told, wave.steps)), gaps=tuple(found[wave.number])) for wave in proof.waves)
    return tuple(made), proof.orders


def prove(mesh: Mesh, waves: tuple[Wave, ...], window: Window, fits: orders.Fits = orders.any_order) -> Proof:
    """Follows the waves of one mesh; where another order of their steps has fewer gaps, that one is taken.

    `window` makes the step in which some namespaces become ambient, for orders that take a window apart.
    """
    blocks = moments.blocks(waves)
    planned = moments.flat(blocks)
    known = Numbered(planned)
    end = after(mesh, (change for one in planned for change in one.changes))
    called = tuple(callees(Pair(mesh, end), known))
    spans = walk.every(called, walk.track(planned, known))
    mine = gaps.count(spans)
    others = moments.others(blocks, {planned[number].id for span in spans for number in (span.start, span.end)})
    tried = orders.tried(called, others, known) if spans else ()
    best = orders.better(mine, tried, fits)
    if best is not None:
        return prove(mesh, orders.rebuilt(waves, best.order, window), window, fits)
    found = gaps.gaps(spans, planned, lambda seen, same: orders.why(tried, seen, same))
    return Proof(found, _undo(waves, called, walk.track(moments.whole(waves, blocks), known)), orders.words(mine, tried), waves)


def _undo(waves: tuple[Wave, ...], called: tuple[Callee, ...], track: walk.Track) -> dict[str, tuple[str, ...]]:
    steps = tuple(step for wave in waves for step in wave.steps)
    found = undo.backs(called, track)
    return {step.id: back.lines(steps, number, found.get(number)) for number, step in enumerate(steps)}


__all__ = ["Proof", "prove", "proven"]
