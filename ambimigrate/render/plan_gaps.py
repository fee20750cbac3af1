"""Why gaps stay: each with a call that shows it and what other orders would do, and the orders that were compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ambimigrate.plan.values import Gap, Plan
from ambimigrate.render.style import Style, counted, visible, wrap

_MOST = 6  # callers
_WORDS = {
    "unenforced": "is not enforced for",
    "refused": "refuses, though nobody refused before,",
    "unaudited": "marks no requests of",
    "unproven": "could not be followed for",
}


def render(plan: Plan, out: TextIO, width: int = 100) -> None:
    """Writes what the proof of the order found, without the plan itself."""
    for line in _lines(plan, Style.of(out), width):
        out.write(f"{line}\n")


def _lines(plan: Plan, style: Style, width: int) -> Iterator[str]:
    found = [(wave.mesh, gap) for wave in plan.waves for gap in wave.gaps]
    if found:
        yield style.bold(f"{counted(len(found), 'gap')} in {counted(len(plan.waves), 'wave')}")
    elif any(wave.namespaces for wave in plan.waves):
        text = "No gap: at every step, and while pods restart, each policy decides as before for every class of callers."
        yield from wrap(text, width)
    else:
        yield from wrap("Nothing moves, so there is nothing to prove: `ambimigrate scan` says what stands in the way.", width)
    for mesh, gap in found:
        yield from _gap(mesh, gap, width)
    if plan.orders:
        yield ""
        yield style.bold("Orders that were compared, and what each opens (pairs of policy and caller)")
        for order in plan.orders:
            yield from wrap(visible(order), width, initial_indent="  ", subsequent_indent="    ")


def meaning(gap: Gap) -> str:
    """What becomes of the callers, between the policy and their names."""
    return _WORDS.get(gap.kind, "is open for")


def when(gap: Gap) -> str:
    """The steps in which it is so."""
    return f"in step {gap.from_step}" if gap.from_step == gap.to_step else f"from step {gap.from_step} to {gap.to_step}"


def _gap(mesh: str, gap: Gap, width: int) -> Iterator[str]:
    yield ""
    more = f" and {len(gap.callers) - _MOST} more" if len(gap.callers) > _MOST else ""
    where = f"[{mesh}] " if mesh else ""
    text = f"{where}{gap.policy} {meaning(gap)} {', '.join(gap.callers[:_MOST])}{more} {when(gap)}"
    yield from wrap(visible(text), width, initial_indent="  ", subsequent_indent="    ")
    for label, words in (("shown by", gap.witness), ("it stays", gap.why)):
        if words:
            yield from wrap(visible(f"{label}: {words}"), width, initial_indent="    ", subsequent_indent="      ")
