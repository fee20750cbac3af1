"""`plan`: in which order namespaces become ambient, and what to run, check and undo at each step."""

from __future__ import annotations

import shutil
import sys

import typer
from msgspec.structs import replace

from ambimigrate import report
from ambimigrate.cli import agreements, asking, options
from ambimigrate.cli.options import Ask
from ambimigrate.convert import Choice, convert
from ambimigrate.plan import Plan, plans


@asking.command(asking.of_everything)
def plan(
    ask: Ask,
    strict: options.Strict = False,
    format: options.Format = "text",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Order the namespaces into waves of steps.

    Clients come before servers that need a waypoint; each step has commands, gate, verification and undo.
    """
    options.one_of("--format", format, "text", "json")
    options.colours(off=no_color)
    reading = options.read(replace(ask, mesh=""))  # all meshes, also where one is chosen: a file may stand for several
    chosen = tuple(each.name for each in options.chosen(reading.meshes, ask.mesh))
    made = report.report(reading, strict=strict)
    agreed = Choice(settings=agreements.settings(options.config(ask)))
    conversion = convert(made.meshes, made.findings, agreed)
    made = report.joined(made, conversion.problems, conversion.notes)
    found = plans(made.meshes, conversion, "" if made.source == "cluster" else " ".join(ask.paths), chosen)
    code = 2 if made.problems else int(bool(found.held))
    if not (quiet and code == 0):
        _print(found, made, format)
    raise typer.Exit(code)


def _print(found: Plan, made: report.Report, format: str) -> None:
    if format == "json":
        from ambimigrate.render import json, plan_json

        sys.stdout.write(json.dumped(plan_json.record(found, json.head(plan_json.SCHEMA, made))))
        return
    from ambimigrate.render import plan_text, text

    width = min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stdout.isatty() else 100
    plan_text.render(found, sys.stdout, width)
    for line in text.problems(made, sys.stdout, width):
        sys.stdout.write(f"{line}\n")
