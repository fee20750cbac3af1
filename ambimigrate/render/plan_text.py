"""The plan for people: waves with their steps, each with commands, gate, verification, triggers and undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ambimigrate.plan import Plan, Wave
from ambimigrate.plan.values import Gap, HeldBack, Step
from ambimigrate.render.plan_gaps import meaning, when
from ambimigrate.render.plan_lines import labelled
from ambimigrate.render.style import Style, counted, visible, wrap

SHOWN = 3  # reasons of a held namespace
MOST = 12  # lines under one label of a step


def render(plan: Plan, out: TextIO, width: int = 100) -> None:
    """Writes the plan."""
    style = Style.of(out)
    for wave in plan.waves:
        for line in _wave(wave, style, width, several=len({each.mesh for each in plan.waves}) > 1):
            out.write(f"{line}\n")
    for line in _closing(plan, style, width):
        out.write(f"{line}\n")


def _wave(wave: Wave, style: Style, width: int, *, several: bool) -> Iterator[str]:
    mesh = f" [{visible(wave.mesh)}]" if several else ""
    yield from (style.bold(line) for line in wrap(f"Wave {wave.number}{mesh}: {visible(wave.title)}", width))
    for step in wave.steps:
        yield from _step(step, width)
    for gap in wave.gaps:
        yield from wrap(f"gap: {gap_text(gap)}", width, initial_indent="  ", subsequent_indent="    ")
    yield ""


def gap_text(gap: Gap) -> str:
    """What is open, for whom, from when to when, and why it stays."""
    why = f": {gap.why}" if gap.why else ""
    return visible(f"{gap.policy} {meaning(gap)} {', '.join(gap.callers)} {when(gap)}{why}")


def _step(step: Step, width: int) -> Iterator[str]:
    stage = f" ({step.stage.name})" if step.stage else ""
    yield from wrap(f"{step.id} {visible(step.title)}{stage}", width, initial_indent="  ", subsequent_indent="      ")
    for label, lines in (("files", tuple(f"# {each}" for each in step.files)), ("run", step.commands), ("gate", step.gate)):
        yield from _some(label, lines, width)
    yield from _some("verify", step.verify, width)
    yield from _some("stop if", tuple(f"# {each.stop_if}" for each in step.triggers), width)
    yield from _some("undo", step.undo, width)
    if step.unenforced:
        yield from labelled("open", (f"# {step.unenforced}",), width)


def _some(label: str, lines: tuple[str, ...], width: int) -> Iterator[str]:
    """The first lines; commands to run are never left out."""
    most = len(lines) if label in {"run", "undo"} or len(lines) <= MOST + 1 else MOST
    more = (f"# and {len(lines) - most} more: --format json and --out DIR have all",) if most < len(lines) else ()
    yield from labelled(label, (*lines[:most], *more), width)


def _closing(plan: Plan, style: Style, width: int) -> Iterator[str]:
    for note in plan.notes:
        yield from wrap(visible(note), width)
    for cycle in plan.cycles:
        yield from wrap(visible(f"They call each other in a circle and move together: {', '.join(cycle)}."), width)
    if plan.held:
        yield style.bold(f"Held at `prepare`: {counted(len(plan.held), 'namespace')}")
        for held in plan.held:
            yield from _held(held, width)
        yield ""
    yield from _counts(plan, width)


def _counts(plan: Plan, width: int) -> Iterator[str]:
    if not plan.waves and not plan.held:
        yield "Nothing to move: no namespace of the input has sidecars."
        return
    moving = [name for wave in plan.waves for name in wave.namespaces]
    waves = counted(len(plan.waves), "wave")
    yield f"{waves}, {counted(len(moving), 'namespace')} to move, {len(plan.held)} held."
    if any(step.triggers for wave in plan.waves for step in wave.steps):
        text = "The queries behind `stop if` are in --format json and in the runbooks of --out DIR."
        yield from wrap(text, width)
    if not moving:
        yield from wrap(
            "Nothing moves yet: `ambimigrate convert` says for each of a repository what to do, else `ambimigrate scan`.", width
        )


def _held(held: HeldBack, width: int) -> Iterator[str]:
    mesh = f" [{visible(held.mesh)}]" if held.mesh else ""
    yield f"  {visible(held.namespace) or '(no namespace given)'}{mesh}"
    for because in held.because[:SHOWN]:
        yield from wrap(visible(because), width, initial_indent="    - ", subsequent_indent="      ")
    if len(held.because) > SHOWN:
        yield f"    - {len(held.because) - SHOWN} more; --format json has all"
