"""`scan`: what stands in the way of ambient mode."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ambimigrate import report
from ambimigrate.cli import asking, hearing, options
from ambimigrate.cli.options import Ask
from ambimigrate.render import FORMATS, renderer

Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.", rich_help_panel=options.OUTPUT)]
Objects = Annotated[
    bool, typer.Option("--objects", help="List every object that was read (json).", rich_help_panel=options.OUTPUT)
]
UpgradePath = Annotated[
    bool, typer.Option("--upgrade-path", help="Also the verdicts on later versions.", rich_help_panel=options.OUTPUT)
]


@asking.command(asking.of_everything)
def scan(
    ask: Ask,
    strict: options.Strict = False,
    format: Format = "text",
    output: options.Output = None,
    objects: Objects = False,
    upgrade_path: UpgradePath = False,
    fail_on: options.FailOn = "",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Report what stands in the way, by namespace.

    Each finding has its place, what will happen in this mesh, and what to do. Exit 1 from --fail-on on, 2 for problems.
    """
    threshold = hearing.threshold(ask, fail_on, "error")
    options.one_of("--format", format, *FORMATS)
    files = options.outputs(output, *FORMATS)
    options.colours(off=no_color)
    reading = options.read(ask)
    made = hearing.heard(report.report(reading, strict=strict, objects=objects, outlook=upgrade_path), reading, ask)
    code = report.exit_code(made, threshold)
    if not (quiet and code == 0):
        renderer(format)(made, sys.stdout)
    for name, file in files:
        with file.open("w", encoding="utf-8") as out:
            renderer(name)(made, out)
    raise typer.Exit(code)
