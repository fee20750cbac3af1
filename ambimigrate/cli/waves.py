"""`--wave N`: the namespaces that the recorded plan of a tree names for it."""

from __future__ import annotations

import typer
from msgspec.structs import replace

from ambimigrate.changes import Stage
from ambimigrate.cli.options import Ask
from ambimigrate.sinks.plans import place
from ambimigrate.sources.plans import PlanError, load


def of_wave(path: str, number: int, stage: Stage | None, ask: Ask, *, chosen: bool) -> tuple[list[str], Ask]:
    """The namespaces of the wave, and what is asked for: its mesh, unless the step changes what several meshes share."""
    if chosen:
        raise typer.BadParameter("--wave chooses the namespaces; give it, --only, or -A")
    file = place(path)
    try:
        found = load(file).wave(number, ask.mesh)
    except PlanError as error:
        raise typer.BadParameter(f"--wave: {error}") from None
    names = found.chosen(stage)
    if not names:
        raise typer.BadParameter(f"--wave: no file changes in wave {number} of the recorded plan ({file})")
    return list(names), replace(ask, mesh=found.meant(stage))
