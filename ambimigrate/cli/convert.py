"""`convert`: the changed and new files, as a diff, as JSON, as another tree, or in place."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from msgspec.structs import replace

from ambimigrate import report
from ambimigrate.changes import Change, Create, Held, Stage
from ambimigrate.cli import agreements, asking, live, measured, options, writing
from ambimigrate.cli.options import Ask
from ambimigrate.cli.waves import of_wave
from ambimigrate.convert import CANNOT_EDIT, Choice, Conversion, based
from ambimigrate.convert import convert as converted
from ambimigrate.converters import elsewhere, labels, shared
from ambimigrate.holds.reasons import reason
from ambimigrate.model import Mesh
from ambimigrate.render import convert_json, convert_text, diff
from ambimigrate.report import Report
from ambimigrate.sinks import texts, tree
from ambimigrate.topology import injection
from ambimigrate.topology.workloads import in_namespace
from ambimigrate.yamlio.edit import CannotEdit

Folder = Annotated[str, typer.Argument(metavar="PATH", help="The folder of a GitOps repository.")]
StageName = Annotated[
    str, typer.Option("--stage", help=f"The last stage to do: {', '.join(Stage.__members__)}. Default: all, as a preview.")
]
Namespaces = Annotated[list[str] | None, typer.Option("--only", help="Only this namespace; may be given several times.")]
Wave = Annotated[
    int | None,
    typer.Option("--wave", min=1, metavar="N", help="The namespaces of this wave of the plan that `plan --record` kept."),
]
Every = Annotated[bool, typer.Option("-A", "--all-namespaces", help="All namespaces.")]


@asking.command(asking.of_folder)
def convert(
    ask: Ask,
    path: Folder,
    out: writing.Out = "",
    write: writing.Write = False,
    force: writing.Force = False,
    commit: writing.Commit = False,
    pr_body: writing.Body = "",
    stage: StageName = "",
    only: Namespaces = None,
    wave: Wave = None,
    all_namespaces: Every = False,
    accept: agreements.Accept = None,
    close_direct_access: agreements.CloseDirect = False,
    keep_virtual_services: agreements.Keep = None,
    waypoints: agreements.Spread = "",
    pilot: agreements.Pilot = "",
    gateways: agreements.Gateways = False,
    traffic: measured.Measured = "",
    strict: options.Strict = False,
    format: options.Format = "text",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Write what changes in a GitOps repository.

    Without --out and --write it only prints a diff of the end state. What cannot be converted exactly is held with the reason.
    """
    options.one_of("--format", format, "text", "diff", "json")
    options.colours(off=no_color)
    last = _stage(stage)
    how = writing.How(path, out, write, force, commit, pr_body)
    how.check(last)
    if wave is not None:
        only, ask = of_wave(path, wave, last, ask, chosen=bool(only) or all_namespaces)
    mesh, ask = ask.mesh, replace(ask, paths=(path,))
    words = (accept or (), keep_virtual_services or (), waypoints, pilot)
    agreed = agreements.settings(options.config(ask), *words, close_direct=close_direct_access, gateways=gateways)
    seen = measured.read(traffic)
    made = report.report(options.read(ask, every=True), strict=strict)  # a file may stand for several meshes
    agreed = measured.settings(agreed, seen, [each.name for each in options.chosen(made.meshes, mesh)])
    chosen = Choice(tuple(only) if only else None, last, mesh, agreed)
    _check_names(options.chosen(made.meshes, mesh), chosen, "--only" if wave is None else "--wave: the recorded plan is old")
    _check_pilot(options.chosen(made.meshes, mesh), chosen)
    sys.stderr.writelines(agreements.unmatched(made.meshes, accept or (), keep_virtual_services or ()))
    conversion, files = _made(path, made, chosen)
    made = report.joined(made, conversion.problems, conversion.notes)
    if write:
        _check_stage(conversion, chosen, given=bool(only) or all_namespaces)
    writing.put(how, made.meshes, conversion, files)
    _show(made, conversion, files, "" if format == "text" and (out or write) else format)
    if not quiet:
        typed = agreements.typed(*words, close_direct=close_direct_access, gateways=gateways)
        known = (*typed, *(("--traffic", traffic) if traffic else ()), *live.typed(ask.live))
        convert_text.render(made, conversion, _again(path, chosen, known), sys.stderr, _width())
    raise typer.Exit(2 if made.problems else int(bool(conversion.held)))


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stderr.isatty() else 100


def _again(path: str, choice: Choice, typed: Iterable[str]) -> str:
    """The command for the next step, after a preview, with what was agreed to on the command line."""
    words = ["ambimigrate", "convert", path, *(("--mesh", choice.mesh) if choice.mesh else ()), *typed]
    return "" if choice.stage else shlex.join(words)


def _check_names(meshes: tuple[Mesh, ...], choice: Choice, asked: str) -> None:
    known = {name for each in meshes for name in injection.namespaces(each)}
    for name in choice.namespaces or ():
        if name not in known:
            raise typer.BadParameter(f"{asked}: there is no namespace {name!r} in the input")


def _check_pilot(meshes: tuple[Mesh, ...], choice: Choice) -> None:
    """A pilot is one workload of the one namespace that is chosen."""
    if not (named := choice.settings.pilot):
        return
    if len(choice.namespaces or ()) != 1:
        raise typer.BadParameter("--pilot needs --only NAMESPACE, once")
    (namespace,) = choice.namespaces or ("",)
    members = (each for mesh in meshes for each in in_namespace(mesh, namespace))
    if not any(labels.is_pilot(each, named) for each in members):
        raise typer.BadParameter(f"--pilot: there is no workload {named!r} in namespace {namespace}")


def _stage(name: str) -> Stage | None:
    if name:
        options.one_of("--stage", name, *Stage.__members__)
    return Stage[name] if name else None


def _check_stage(conversion: Conversion, choice: Choice, *, given: bool) -> None:
    """Stages are written one after the other, from `bind` on for namespaces that were named."""
    wanted = choice.stage or Stage.tighten
    earlier = min((each.stage for each in conversion.changes if each.stage < wanted), default=None)
    if earlier is not None:
        where = _where(conversion, earlier)
        raise typer.BadParameter(
            f"--stage {wanted.name}: {earlier.name} is not {where} yet; the next safe stage is {earlier.name}"
        )
    if wanted >= Stage.bind and not given:
        pending = (*conversion.changes, *conversion.pending)
        safe = min((each.stage for each in pending), default=wanted)
        named = safe.name if safe < Stage.bind else f"{safe.name} with --only NAMESPACE"
        raise typer.BadParameter(f"--stage {wanted.name} needs --only NAMESPACE or -A; the next safe stage is {named}")


def _where(conversion: Conversion, stage: Stage) -> str:
    """Where a stage is missing: in the cluster, if nothing but commands is left of it."""
    missing = [each for each in conversion.changes if each.stage is stage]
    return "in the cluster" if all(map(elsewhere.command, missing)) else "in the tree"


def _made(path: str, made: Report, choice: Choice) -> tuple[Conversion, texts.Files]:
    """The conversion and its texts; what cannot be written is held, and the rest tried again."""
    refused: tuple[Held, ...] = ()
    while True:
        conversion = converted(made.meshes, made.findings, choice, refused)
        files = tree.files(path)
        more = tuple(_rewritten(made, conversion, files))
        if not more:
            return conversion, files
        refused += more


def _rewritten(made: Report, conversion: Conversion, files: texts.Files) -> Iterator[Held]:
    """Makes the changes in the texts; if that fails, the changes that fail alone too, else all of them."""
    try:
        texts.rewrite(conversion.changes, based, files)
    except CannotEdit as error:
        faults = [(change, _fault(change, files.fresh())) for change in conversion.changes]
        alone = [(change, text) for change, text in faults if text]
        yield from (_held(made, change, text) for change, text in alone or [(each, error.reason) for each, _ in faults])


def _fault(change: Change, files: texts.Files) -> str | None:
    """Why the change cannot be written, tried alone."""
    try:
        texts.rewrite((change,), based, files)
    except CannotEdit as error:
        return error.reason
    return None


def _held(made: Report, change: Change, text: str) -> Held:
    mesh = next(each for each in made.meshes if each.name == change.mesh)
    return reason(mesh, change.namespace, CANNOT_EDIT, text, shared.anchor(change))


def _show(made: Report, conversion: Conversion, files: texts.Files, form: str) -> None:
    if form == "json":
        creates = (
            (number, each, each.action) for number, each in enumerate(conversion.changes) if isinstance(each.action, Create)
        )
        places = {number: files.created[texts.slot(each, create)] for number, each, create in creates}
        convert_json.render(made, conversion, places, sys.stdout)
    elif form:
        diff.render(files.changed, sys.stdout)
