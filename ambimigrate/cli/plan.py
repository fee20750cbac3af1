"""`plan`: in which order namespaces become ambient, and what to run, check and undo at each step."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer
from msgspec import Struct

from ambimigrate import report
from ambimigrate.changes import Held
from ambimigrate.cli import agreements, asking, measured, options, plan_files, plan_folders, plan_options
from ambimigrate.cli.options import Ask
from ambimigrate.convert import Choice
from ambimigrate.converters.settings import Settings
from ambimigrate.model import Mesh
from ambimigrate.plan import Plan, Wanted, excluding, plans
from ambimigrate.plan.owners import Owned
from ambimigrate.plan.recorded import NOTHING, Agreed
from ambimigrate.plan.wishes import Contradiction, Wishes
from ambimigrate.render import plan_gaps, plan_json, text
from ambimigrate.render.encoding import dumped
from ambimigrate.render.heads import head
from ambimigrate.report import Report
from ambimigrate.sources.config_plan import wishes
from ambimigrate.traffic import QUERY, Traffic

Words = tuple[Iterable[str], Iterable[str], str, str]  # differences, Services that keep theirs, waypoints, no pilot
ORDER = "The order"
FORMATS = ("text", "json", "markdown", "html")
Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.", rich_help_panel=options.OUTPUT)]

MaxWave = Annotated[
    int | None,
    typer.Option("--max-wave", min=1, metavar="N", help="The most namespaces of one wave.", rich_help_panel=ORDER),
]
Measured = Annotated[
    str,
    typer.Option(
        "--traffic",
        metavar="FILE",
        help="Answer of Prometheus to the query of --traffic-query: who calls whom.",
        rich_help_panel=ORDER,
    ),
]
Query = Annotated[
    bool, typer.Option("--traffic-query", help="Print the query for Prometheus and read nothing.", rich_help_panel=ORDER)
]
Record = Annotated[
    bool,
    typer.Option(
        "--record",
        help="Keep the plan as .ambimigrate/plan.json at the root of the repository, for convert --wave and status.",
        rich_help_panel=options.OUTPUT,
    ),
]
Explained = Annotated[
    bool,
    typer.Option(
        "--explain-gaps",
        help="Print only what is not enforced, or refused, meanwhile, and why no other order avoids it.",
        rich_help_panel=options.OUTPUT,
    ),
]


@asking.command(asking.of_everything)
def plan(
    ask: Ask,
    max_wave: MaxWave = None,
    traffic: Measured = "",
    traffic_query: Query = False,
    accept: agreements.Accept = None,
    close_direct_access: agreements.CloseDirect = False,
    keep_virtual_services: agreements.Keep = None,
    waypoints: agreements.Spread = "",
    gateways: agreements.Gateways = False,
    record: Record = False,
    out: plan_files.Out = "",
    probes: plan_files.Probes = "",
    probe_image: plan_files.Image = plan_files.IMAGE,
    probe_token_secret: plan_files.Token = "",
    by: plan_files.By = "",
    explain_gaps: Explained = False,
    strict: options.Strict = False,
    format: Format = "text",
    output: options.Output = None,
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Order the namespaces into waves of steps.

    Clients come before servers that need a waypoint; each step has commands, gate, verification and undo.
    """
    if traffic_query:
        sys.stdout.write(f"{QUERY}\n")
        raise typer.Exit
    options.one_of("--format", format, *FORMATS)
    files = options.outputs(output, *FORMATS)
    options.colours(off=no_color)
    wish = plan_files.Wish(out, probes, probe_image, by, probe_token_secret)
    wish.check()
    if by and format in {"json", "html"} and not out:
        raise typer.BadParameter(f"--by: what owners get is text or Markdown, or files with --out; {format} has the whole plan")
    words = (accept or (), keep_virtual_services or (), waypoints, "")
    given = agreed(ask, words, traffic, close_direct=close_direct_access, gateways=gateways)
    found, made = planned(ask, wishes(options.config(ask), max_wave or 0), given, strict=strict)
    sys.stderr.writelines(agreements.unmatched(made.meshes, accept or (), keep_virtual_services or ()))
    code = 2 if made.problems else int(bool(found.held))
    if record:
        _keep(found, made, ask, given)
    owned = plan_files.owned(wish, found, made.meshes, ask.paths)
    plan_files.put(wish, found, made.meshes, owned)
    if explain_gaps and format == "text":
        plan_gaps.render(found, sys.stdout, _width())
        sys.stdout.writelines(f"{line}\n" for line in text.problems(made, sys.stdout, _width()))
    elif not (quiet and code == 0):
        _print(found, made, (format, sys.stdout), owned)
    for name, file in files:
        with file.open("w", encoding="utf-8") as target:
            _print(found, made, (name, target), owned)
    raise typer.Exit(code)


class Given(Struct, frozen=True):
    """What was agreed to, the traffic and its file, and the same as words of a command."""

    settings: Settings
    traffic: tuple[Traffic | None, str]
    words: tuple[str, ...]
    agreed: Agreed = NOTHING


def agreed(
    ask: Ask, words: Words = ((), (), "", ""), traffic: str = "", *, close_direct: bool = False, gateways: bool = False
) -> Given:
    """What the configuration and options agree to."""
    settings = agreements.settings(options.config(ask), *words, close_direct=close_direct, gateways=gateways)
    typed = agreements.typed(*words, close_direct=close_direct, gateways=gateways)
    known = (*plan_options.typed(ask), *typed, *(("--traffic", traffic) if traffic else ()))
    recorded = Agreed(tuple(words[0]), tuple(words[1]), words[2], close_direct, gateways)
    return Given(settings, (measured.read(traffic), traffic), known, recorded)


def planned(ask: Ask, wanted: Wishes, given: Given, *, strict: bool) -> tuple[Plan, Report]:
    """The plan, and the report about what it was made from."""
    reading = options.read(ask, every=True)  # also where one is chosen: a file may stand for several
    chosen = tuple(each.name for each in options.chosen(reading.meshes, ask.mesh))
    made = report.report(reading, strict=strict)
    staying = tuple(_staying(made.meshes, chosen, wanted))
    settings = measured.settings(given.settings, given.traffic[0], chosen)
    own = ask.mesh if given.traffic[0] else ""  # traffic is of one mesh: what others share with it stays theirs
    choice = Choice(mesh=own, settings=settings)
    found = plan_folders.settled(made, staying, ask, choice)
    made = report.joined(made, found.conversion.problems, found.conversion.notes)
    path = "" if made.source == "cluster" else "\n".join(ask.paths)
    try:
        return plans(made.meshes, found, Wanted(chosen, path, wanted, *given.traffic, given.words)), made
    except Contradiction as fault:
        sys.stderr.write(f"{fault}\n")
        raise typer.Exit(2) from None


def _staying(meshes: tuple[Mesh, ...], chosen: tuple[str, ...], wanted: Wishes) -> Iterator[Held]:
    for mesh in meshes:
        if mesh.name in chosen:
            yield from excluding(mesh, wanted)


def _keep(found: Plan, made: Report, ask: Ask, given: Given) -> None:
    """Records the plan, unless the input has problems: on them more may depend."""
    from ambimigrate.sinks import plans as kept
    from ambimigrate.sinks.tree import Unwritable

    if made.problems:
        sys.stderr.write("--record: not kept, since the input has problems\n")
        return
    file = kept.place("" if made.source == "cluster" else ask.paths[0])
    try:
        kept.save(_dumped(found, made, given.agreed), file)
    except Unwritable as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None
    words = "".join(f" {each}" for each in map(shlex.quote, given.words))
    path = shlex.quote(ask.paths[0]) if len(ask.paths) == 1 and Path(ask.paths[0]).is_dir() else "PATH"
    sys.stderr.write(f"recorded in {file}; commit it, then: ambimigrate convert {path}{words} --wave N --stage STAGE --write\n")


def _dumped(found: Plan, made: Report, agreed: Agreed = NOTHING) -> str:
    return dumped(plan_json.record(found, head(plan_json.SCHEMA, made), agreed))


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stdout.isatty() else 100


def _print(found: Plan, made: Report, to: tuple[str, TextIO], owned: tuple[Owned, ...]) -> None:
    """Writes a format to a stream; what owners get is text or Markdown, the other formats are of the whole plan."""
    format, out = to
    if format == "json":
        out.write(_dumped(found, made))
        return
    if format == "html":
        from ambimigrate.render import html

        html.render_plan(found, made, out)
        return
    if format == "markdown":
        from ambimigrate.render import plan_markdown, plan_owners

        out.write(plan_owners.markdown(owned) if owned else plan_markdown.text(found))
        return
    from ambimigrate.render import plan_owners, plan_text

    width = _width()
    if owned:
        out.writelines(f"{line}\n" for line in plan_owners.text(owned, width))
    else:
        plan_text.render(found, out, width)
    for line in text.problems(made, out, width):
        out.write(f"{line}\n")
