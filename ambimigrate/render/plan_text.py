"""The plan for people: waves with their steps, each with commands, gate, verification and undo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from ambimigrate.plan import Plan, Wave
from ambimigrate.plan.values import Step
from ambimigrate.render.style import Style, counted, visible, wrap

SHOWN = 3  # reasons of a held namespace


def render(plan: Plan, out: TextIO, width: int = 100) -> None:
    """Writes the plan."""
    style = Style.of(out)
    for wave in plan.waves:
        for line in _wave(wave, style, width, several=len({each.mesh for each in plan.waves}) > 1):
            out.write(f"{line}\n")
    for line in _closing(plan, style, width):
        out.write(f"{line}\n")


def _wave(wave: Wave, style: Style, width: int, *, several: bool) -> Iterator[str]:
    mesh = f" [{wave.mesh}]" if several else ""
    yield from (style.bold(line) for line in wrap(f"Wave {wave.number}{mesh}: {visible(wave.title)}", width))
    for step in wave.steps:
        yield from _step(step, width)
    for gap in wave.gaps:
        text = f"not enforced meanwhile: {gap.policy} for {', '.join(gap.callers)}, from step {gap.from_step} to {gap.to_step}"
        yield from wrap(text, width, initial_indent="  ", subsequent_indent="    ")
    yield ""


def _step(step: Step, width: int) -> Iterator[str]:
    stage = f" ({step.stage.name})" if step.stage else ""
    yield from wrap(f"{step.id} {visible(step.title)}{stage}", width, initial_indent="  ", subsequent_indent="      ")
    yield from _lines("files", step.files)
    yield from _lines("run", step.commands)
    yield from _lines("gate", step.gate)
    yield from _lines("verify", step.verify)
    yield from _lines("undo", step.undo)


def _lines(label: str, lines: Iterable[str]) -> Iterator[str]:
    """Commands stand on one line each, however long, so that they can be copied."""
    for number, line in enumerate(lines):
        yield f"      {label if not number else '':6} {visible(line)}"


def _closing(plan: Plan, style: Style, width: int) -> Iterator[str]:
    for cycle in plan.cycles:
        yield from wrap(f"They call each other in a circle and move together: {', '.join(cycle)}.", width)
    if plan.held:
        yield style.bold(f"Held at `prepare`: {counted(len(plan.held), 'namespace')}")
        for held in plan.held:
            mesh = f" [{held.mesh}]" if held.mesh else ""
            yield f"  {visible(held.namespace) or '(no namespace given)'}{mesh}"
            for because in held.because[:SHOWN]:
                yield from wrap(visible(because), width, initial_indent="    - ", subsequent_indent="      ")
            if len(held.because) > SHOWN:
                yield f"    - {len(held.because) - SHOWN} more; --format json has all"
        yield ""
    moving = [name for wave in plan.waves for name in wave.namespaces]
    yield f"{counted(len(plan.waves), 'wave')}, {counted(len(moving), 'namespace')} to move, {len(plan.held)} held."
    if not any(wave.namespaces for wave in plan.waves):
        yield "Nothing moves yet: `ambimigrate scan` says what stands in the way."
