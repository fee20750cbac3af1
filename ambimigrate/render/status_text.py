"""A status for people: a table of namespaces, what drifted, and the next safe step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ambimigrate.render.plan_lines import labelled
from ambimigrate.render.style import Style, counted, visible, wrap
from ambimigrate.status import NO_PLAN, Next, Status
from ambimigrate.status.steps import DONE, HALF
from ambimigrate.status.values import UNDONE, Standing

_HEADS = ("namespace", "stage", "half done", "next")
_MOST = 24  # drift that is shown
_LINES = 12  # lines of a gate


def render(found: Status, plan: str, out: TextIO, width: int = 100) -> None:
    """Writes the status."""
    style = Style.of(out)
    for line in (
        *_table(found, style, width),
        *_held(found, width),
        *_drift(found, style, width),
        *_closing(found, plan, style, width),
    ):
        out.write(f"{line.rstrip()}\n")


def _table(found: Status, style: Style, width: int) -> Iterator[str]:
    if not found.namespaces:
        yield "No namespace of the input takes part in the mesh."
        return
    several = len({each.mesh for each in found.namespaces}) > 1
    rows = [_row(each, several=several) for each in found.namespaces]
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(3)]
    yield style.bold(_line(_HEADS, widths, width))
    for each, row in zip(found.namespaces, rows, strict=True):
        yield _line(row, widths, width)
        for text in each.half_done:
            yield from wrap(visible(text), width, initial_indent="    half done: ", subsequent_indent="      ")


def _row(found: Standing, *, several: bool) -> tuple[str, ...]:
    name = visible(found.name) or "(none given)"
    name = f"{name} [{visible(found.mesh)}]" if several else name
    return name, found.stage, "yes" if found.half_done else "-", visible(_following(found))


def _following(found: Standing) -> str:
    if found.next is None:
        return found.why
    return f"{found.next.id} {found.next.stage or ''}".strip() if found.next.id else f"{found.next.stage}"


def _line(cells: tuple[str, ...], widths: list[int], width: int) -> str:
    text = "  ".join((*(cell.ljust(size) for cell, size in zip(cells[:3], widths, strict=True)), cells[3]))
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _held(found: Status, width: int) -> Iterator[str]:
    """The table has room for the beginning of a reason only."""
    if any(each.why.startswith("held: ") for each in found.namespaces):
        yield from wrap(
            "Why namespaces are held, in full: --format json; what to do: `ambimigrate convert`, or `scan` without files.",
            width,
        )


def _drift(found: Status, style: Style, width: int) -> Iterator[str]:
    if not found.drift:
        return
    yield ""
    yield style.bold("Not as planned:")
    first = sorted(found.drift, key=lambda each: each.kind not in UNDONE)
    for text in dict.fromkeys(f"[{each.mesh}] {each.message}" if each.mesh else each.message for each in first[:_MOST]):
        yield from wrap(visible(text), width, initial_indent="  - ", subsequent_indent="    ")
    if len(first) > _MOST:
        yield f"  - and {len(first) - _MOST} more: --format json has all"


def _closing(found: Status, plan: str, style: Style, width: int) -> Iterator[str]:
    yield ""
    if plan:
        done = sum(each.state == DONE for each in found.steps)
        half = sum(each.state == HALF for each in found.steps)
        unseen = sum(each.state == "unseen" for each in found.steps)
        said = [f"{done} done", f"{half} half done", f"{len(found.steps) - done - half - unseen} open"]
        said += [f"{unseen} that the input does not show"] if unseen else []
        yield from wrap(visible(f"{plan}: {counted(len(found.steps), 'step')}, {', '.join(said)}."), width)
    else:
        yield from wrap(f"{NO_PLAN[0].upper()}{NO_PLAN[1:]}.", width)
    if found.next is None:
        yield from (style.bold(line) for line in wrap(visible(f"next safe step: none, {found.why}"), width))
        return
    yield from _next(found.next, "step" if plan else "stage", style, width)


def _next(found: Next, what: str, style: Style, width: int) -> Iterator[str]:
    mesh = f"[{found.mesh}] " if found.mesh else ""
    text = f"next safe {what}: {mesh}{f'{found.id} ' if found.id else ''}{found.title}"
    yield from (style.bold(line) for line in wrap(visible(text), width, subsequent_indent="  "))
    if found.before:
        text = f"before it, which the input does not show: {'; '.join(found.before)}"
        yield from wrap(visible(text), width, initial_indent="  ", subsequent_indent="    ")
    yield from labelled("run", found.commands, width, indent=2)
    gate = found.gate[:_LINES]
    more = (f"# and {len(found.gate) - _LINES} more: --format json has all",) if len(found.gate) > _LINES else ()
    yield from labelled("gate", (*gate, *more), width, indent=2)
