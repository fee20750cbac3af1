"""`convert`: the changed and new files, as a diff, as JSON, as another tree, or in place."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ambimigrate.analyse import analyse
from ambimigrate.changes import Change, Create, Held, Stage
from ambimigrate.cli import options
from ambimigrate.cli.options import Ask
from ambimigrate.convert import CANNOT_EDIT, Choice, Conversion, based
from ambimigrate.convert import convert as converted
from ambimigrate.converters import shared
from ambimigrate.decode import Reading
from ambimigrate.holds import reason
from ambimigrate.model import Problem
from ambimigrate.render import convert_json, convert_text, diff
from ambimigrate.sinks import texts, tree
from ambimigrate.topology import injection
from ambimigrate.yamlio.edit import CannotEdit

Folder = Annotated[str, typer.Argument(metavar="PATH", help="The folder of a GitOps repository.")]
Out = Annotated[
    str, typer.Option("--out", help="Write the complete tree here; absent or empty.", rich_help_panel=options.OUTPUT)
]
Write = Annotated[
    bool, typer.Option("--write", help="Change the files in place; needs --stage.", rich_help_panel=options.OUTPUT)
]
StageName = Annotated[
    str, typer.Option("--stage", help=f"The last stage to do: {', '.join(Stage.__members__)}. Default: all, as a preview.")
]
Namespaces = Annotated[list[str] | None, typer.Option("--only", help="Only this namespace; may be given several times.")]
Every = Annotated[bool, typer.Option("-A", "--all-namespaces", help="All namespaces.")]


def convert(
    path: Folder,
    out: Out = "",
    write: Write = False,
    stage: StageName = "",
    only: Namespaces = None,
    all_namespaces: Every = False,
    namespace: options.Namespace = "",
    mesh: options.Only = "",
    config: options.Config = "",
    istio_version: options.Istio = "",
    gateway_api_version: options.GatewayAPI = "",
    channel: options.Channel = "",
    platform: options.Platform = "",
    trust_domain: options.TrustDomain = "",
    strict: options.Strict = False,
    format: options.Format = "text",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Write what the move to ambient mode changes in a GitOps repository, stage by stage."""
    options.one_of("--format", format, "text", "diff", "json")
    options.colours(off=no_color)
    chosen = Choice(tuple(only) if only else None, _stage(stage), mesh)
    _check(path, out, write=write, stage=chosen.stage)
    ask = Ask(
        (path,),
        namespace,
        config=config,
        istio=istio_version,
        gateway_api=gateway_api_version,
        channel=channel,
        platform=platform,
        trust_domain=trust_domain,
    )
    reading = _read(ask, mesh, strict=strict)
    _check_names(reading, chosen)
    conversion, files = _made(path, reading, chosen)
    if write:
        _check_stage(conversion, chosen, given=bool(only) or all_namespaces)
        tree.write(path, files.changed)
    elif out:
        tree.copy(path, out, files.changed)
    _show(reading, conversion, files, format)
    if not quiet:
        convert_text.render(reading, conversion, "" if chosen.stage else f"ambimigrate convert {path}", sys.stderr)
    raise typer.Exit(2 if reading.problems else int(bool(conversion.held)))


def _read(ask: Ask, mesh: str, *, strict: bool) -> Reading:
    """All meshes, also where one is chosen: a file may stand for several."""
    reading = options.read(ask)
    if mesh and mesh not in {each.name for each in reading.meshes}:
        raise typer.BadParameter(f"--mesh: there is no mesh {mesh!r}")
    if not strict:
        return reading
    more = tuple(Problem("Helm template that was not rendered", file) for file in reading.counts.not_rendered)
    return replace(reading, problems=reading.problems + more)


def _check_names(reading: Reading, choice: Choice) -> None:
    known = {name for each in reading.meshes for name in injection.namespaces(each) if choice.takes(each.name, name)}
    for name in choice.namespaces or ():
        if name not in known:
            raise typer.BadParameter(f"--only: there is no namespace {name!r} in the input")


def _stage(name: str) -> Stage | None:
    if name:
        options.one_of("--stage", name, *Stage.__members__)
    return Stage[name] if name else None


def _check(path: str, out: str, *, write: bool, stage: Stage | None) -> None:
    if not Path(path).is_dir():
        raise typer.BadParameter(f"{path} is no folder; convert changes the files of a repository")
    if write and out:
        raise typer.BadParameter("--write changes the tree in place, --out writes another one; give one of them")
    if write and stage is None:
        raise typer.BadParameter("--write needs --stage; start with --stage prepare")
    if out:
        try:
            tree.check_out(path, out)
        except tree.Unwritable as error:
            raise typer.BadParameter(f"--out: {error}") from None


def _check_stage(conversion: Conversion, choice: Choice, *, given: bool) -> None:
    """Stages are written one after the other, from `bind` on for namespaces that were named."""
    wanted = choice.stage or Stage.tighten
    earlier = min((each.stage for each in conversion.changes if each.stage < wanted), default=None)
    if earlier is not None:
        raise typer.BadParameter(
            f"--stage {wanted.name}: {earlier.name} is not in the tree yet; the next safe stage is {earlier.name}"
        )
    if wanted >= Stage.bind and not given:
        pending = (*conversion.changes, *conversion.pending)
        safe = min((each.stage for each in pending), default=wanted)
        named = safe.name if safe < Stage.bind else f"{safe.name} with --only NAMESPACE"
        raise typer.BadParameter(f"--stage {wanted.name} needs --only NAMESPACE or -A; the next safe stage is {named}")


def _made(path: str, reading: Reading, choice: Choice) -> tuple[Conversion, texts.Files]:
    """The conversion and its texts; what cannot be written is held, and the rest tried again."""
    findings = analyse(reading.meshes)
    refused: tuple[Held, ...] = ()
    while True:
        conversion = converted(reading.meshes, findings, choice, refused)
        files = tree.files(path)
        more = tuple(_rewritten(reading, conversion, files))
        if not more:
            return conversion, files
        refused += more


def _rewritten(reading: Reading, conversion: Conversion, files: texts.Files) -> list[Held]:
    try:
        texts.rewrite(conversion.changes, based, files)
    except CannotEdit:
        return [
            held
            for change in conversion.changes
            if (held := _fault(reading, change, replace(files, before={}, after={}, created={})))
        ]
    return []


def _fault(reading: Reading, change: Change, files: texts.Files) -> Held | None:
    """Why the change cannot be written, tried alone."""
    try:
        texts.rewrite((change,), based, files)
    except CannotEdit as error:
        mesh = next(each for each in reading.meshes if each.name == change.mesh)
        subject = shared.anchor(change)
        return reason(mesh, change.namespace, CANNOT_EDIT, error.reason, subject)
    return None


def _show(reading: Reading, conversion: Conversion, files: texts.Files, form: str) -> None:
    if form == "json":
        creates = ((number, each.action) for number, each in enumerate(conversion.changes) if isinstance(each.action, Create))
        places = {number: files.created[texts.slot(create)] for number, create in creates}
        convert_json.render(reading, conversion, places, sys.stdout)
    else:
        diff.render(files.changed, sys.stdout)
