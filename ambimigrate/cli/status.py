"""`status`: where each namespace stands in the recorded plan, what drifted, and what the next safe step is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import report
from ambimigrate.changes import Held, Stage
from ambimigrate.cli import agreements, asking, options, plan_options
from ambimigrate.cli.live import Live
from ambimigrate.cli.options import Ask
from ambimigrate.convert import Choice, convert
from ambimigrate.converters.settings import Settings
from ambimigrate.decode import Reading
from ambimigrate.model import Mesh
from ambimigrate.plan import excluding
from ambimigrate.plan.recorded import NOTHING, Agreed, PlanError, RecordedPlan
from ambimigrate.render import status_json, status_text, text
from ambimigrate.render.encoding import dumped
from ambimigrate.render.heads import head
from ambimigrate.report import Report
from ambimigrate.sinks.plans import place
from ambimigrate.sources.config_plan import wishes
from ambimigrate.sources.plans import load
from ambimigrate.status import Status, compared, works
from ambimigrate.status import status as standing

Plan = Annotated[
    str,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="The recorded plan. Default: .ambimigrate/plan.json at the root of the repository, else here.",
        rich_help_panel=options.INPUT,
    ),
]


@asking.command(asking.of_everything)
def status(
    ask: Ask,
    plan: Plan = "",
    accept: agreements.Accept = None,
    close_direct_access: agreements.CloseDirect = False,
    keep_virtual_services: agreements.Keep = None,
    waypoints: agreements.Spread = "",
    gateways: agreements.Gateways = False,
    strict: options.Strict = False,
    format: options.Format = "text",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Show where each namespace stands, and the next safe step.

    Against the recorded plan, with the options that it was recorded with. With PATH and --context both: the cluster, and what
    the files are ahead of it. Exit 1: a step was skipped or undone.
    """
    options.one_of("--format", format, "text", "json")
    options.colours(off=no_color)
    file, recorded = _recorded(ask, plan)
    typed = Agreed(tuple(accept or ()), tuple(keep_virtual_services or ()), waypoints, close_direct_access, gateways)
    made, found = _found(ask, recorded, _given(ask, typed, recorded.agreed if recorded else NOTHING), strict=strict)
    code = 2 if made.problems else int(found.is_out_of_order)
    if not (quiet and code == 0):
        _print(found, made, str(file or ""), format)
    raise typer.Exit(code)


class Given(Struct, frozen=True):
    """What was agreed to, and the options as words of a command."""

    settings: Settings
    words: tuple[str, ...]
    paths: tuple[str, ...]  # what was read, for commands that read it again


def _given(ask: Ask, typed: Agreed, recorded: Agreed) -> Given:
    """What is agreed to now, and was when the plan was recorded: its steps are what was made of that."""
    accept = tuple(dict.fromkeys((*recorded.accept, *typed.accept)))
    keep = tuple(dict.fromkeys((*recorded.keep, *typed.keep)))
    words = (accept, keep, typed.waypoints or recorded.waypoints, "")
    close_direct, gateways = typed.close_direct or recorded.close_direct, typed.gateways or recorded.gateways
    settings = agreements.settings(options.config(ask), *words, close_direct=close_direct, gateways=gateways)
    known = agreements.typed(*words, close_direct=close_direct, gateways=gateways)
    return Given(settings, (*plan_options.typed(ask), *known), ask.paths)


def _recorded(ask: Ask, given: str) -> tuple[Path | None, RecordedPlan | None]:
    """The plan that is named, else the one that is kept where the input is; there may be none."""
    own = place(ask.paths[0]) if ask.paths and ask.paths[0] != "-" else place(".")
    file = Path(given) if given else next((each for each in (own, place("")) if each.exists()), None)
    if file is None:
        return None, None
    try:
        return file, load(file)
    except PlanError as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None


def _found(ask: Ask, plan: RecordedPlan | None, given: Given, *, strict: bool) -> tuple[Report, Status]:
    """The status of the cluster where both are read, with what the files are ahead of it."""
    if not (ask.paths and ask.live.is_named):
        return _of(ask, plan, given, strict=strict)
    made, live = _of(replace(ask, paths=()), plan, given, strict=strict, config=ask)
    _, files = _of(replace(ask, live=Live()), plan, given, strict=strict)
    return made, compared(live, files)


def _of(ask: Ask, plan: RecordedPlan | None, given: Given, *, strict: bool, config: Ask | None = None) -> tuple[Report, Status]:
    reading = options.read(replace(ask, mesh=""))  # all meshes: a file may stand for several
    reading = replace(reading, meshes=tuple(_called(reading, plan, ask.mesh)))
    chosen = options.chosen(reading.meshes, ask.mesh)
    made = report.report(reading, strict=strict)
    staying = tuple(_staying(made.meshes, config or ask))
    choice = Choice(stage=Stage.enroll, settings=given.settings)
    conversion = convert(made.meshes, made.findings, choice, staying)
    made = report.joined(made, conversion.problems, conversion.notes)
    names = {each.name for each in chosen}
    path = "" if made.source != "files" or not ask.paths or not Path(ask.paths[0]).is_dir() else ask.paths[0]
    mine = tuple(each for each in works(made.meshes, conversion, path, given.words, given.paths) if each.mesh.name in names)
    return made, standing(mine, plan, made.target)


def _called(reading: Reading, plan: RecordedPlan | None, wanted: str) -> Iterator[Mesh]:
    """The meshes, a single one by the name that the plan has for it: it may have been made from files."""
    names = {each.name for each in reading.meshes}
    known = plan.meshes if plan else ()
    if len(reading.meshes) != 1 or not known or names & set(known):
        yield from reading.meshes
        return
    if not wanted and len(known) > 1:
        raise typer.BadParameter(f"--mesh: the recorded plan is of {', '.join(known)}; which of them is this?")
    yield replace(reading.meshes[0], name=wanted if wanted in known else known[0], _memo={})


def _staying(meshes: tuple[Mesh, ...], ask: Ask) -> Iterator[Held]:
    """The namespaces that the configuration leaves out of the plan."""
    for mesh in meshes:
        yield from excluding(mesh, wishes(options.config(ask), 0))


def _print(found: Status, made: Report, file: str, format: str) -> None:
    if format == "json":
        sys.stdout.write(dumped(status_json.record(found, head(status_json.SCHEMA, made), file)))
        return
    width = min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stdout.isatty() else 100
    status_text.render(found, file, sys.stdout, width)
    for line in text.problems(made, sys.stdout, width):
        sys.stdout.write(f"{line}\n")
