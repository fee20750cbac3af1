"""`verify`: whether two trees route and authorize alike, with a request as witness for each difference."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from ambimigrate.changes import Change, Stage
from ambimigrate.cli import asking, options
from ambimigrate.cli.options import Ask
from ambimigrate.decode import Reading
from ambimigrate.model import Mesh, Problem
from ambimigrate.verify import Settings, Verification
from ambimigrate.verify import verify as compared
from ambimigrate.verify.recorded import Recorded, recorded

Before = Annotated[str, typer.Argument(metavar="BEFORE", help="The tree as it is, or any folder of manifests.")]
After = Annotated[str, typer.Argument(metavar="[AFTER]", help="The tree as it will be; without it --stage is needed.")]
StageName = Annotated[
    str,
    typer.Option("--stage", help=f"Compare with what convert makes of BEFORE, up to: {', '.join(Stage.__members__)}."),
]
Evidence = Annotated[
    str,
    typer.Option(help="Write versions, hashes, seed, counts and what is not covered here.", rich_help_panel=options.OUTPUT),
]
Requests = Annotated[
    str,
    typer.Option(
        "--requests",
        help="Also try these: Envoy's JSON access log, a HAR file, or JSON lines with authority, path, method and headers.",
        rich_help_panel=options.INPUT,
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many requests to try for each port.")]
Seed = Annotated[int, typer.Option(help="Seed of the mixed requests.")]


@asking.command(asking.of_folder)
def verify(
    ask: Ask,
    before: Before,
    after: After = "",
    stage: StageName = "",
    requests: Requests = "",
    limit: Limit = 250,
    seed: Seed = 1,
    evidence: Evidence = "",
    strict: options.Strict = False,
    format: options.Format = "text",
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Prove that two trees route and authorize alike.

    Where they do not, it shows a request that they treat differently, and what decides. Exit 1: a difference that is not minor.
    """
    options.one_of("--format", format, "text", "json")
    options.colours(off=no_color)
    _check(before, after, stage)
    own = _requests(requests) if requests else Recorded(())
    ask = replace(ask, paths=(before,))
    old = _read(ask, strict=strict)
    changes = () if after else _changes(old, Stage[stage], ask)
    new = _read(replace(ask, paths=(after,)), strict=strict) if after else replace(old, meshes=_changed(old, changes))
    found = compared(old.meshes, new.meshes, Settings(limit, seed, own.asks, own.connections, changes))
    new = replace(new, problems=new.problems + own.problems + tuple(_idle(found, before, requests)))
    code = 2 if old.problems or new.problems else int(found.differs)
    record = _record(found, old, new)
    if evidence:
        _write_evidence(evidence, found, record, tuple(filter(None, (before, after, requests, ask.live.snapshot))))
    if format == "json":
        from ambimigrate.render.encoding import dumped

        sys.stdout.write(dumped(record))
    elif not (quiet and code == 0):
        _print(found, record)
    raise typer.Exit(code)


def _check(before: str, after: str, stage: str) -> None:
    if stage:
        options.one_of("--stage", stage, *Stage.__members__)
    if bool(after) == bool(stage):
        raise typer.BadParameter("give AFTER, the other tree, or --stage to compare with what convert makes of BEFORE")
    for path in filter(None, (before, after)):
        if not Path(path).exists():
            raise typer.BadParameter(f"{path} does not exist")


def _idle(found: Verification, before: str, requests: str) -> Iterator[Problem]:
    """Where nothing was done, nothing was proven."""
    if not found.routing + found.authorization:
        yield Problem("nothing was compared: no Service or ServiceEntry is in both trees", before)
    if requests and sum(count for _, count in found.untried) >= len(found.settings.own):
        yield Problem("none of its requests was tried: their hosts are no Services of the input", requests)


def _requests(file: str) -> Recorded:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--requests: {error}") from None
    return recorded(file, text)


def _read(ask: Ask, *, strict: bool) -> Reading:
    reading = options.read(ask)
    if not strict:
        return reading
    more = tuple(Problem("Helm template that was not rendered", file) for file in reading.counts.not_rendered)
    return replace(reading, problems=reading.problems + more)


def _changes(reading: Reading, stage: Stage, ask: Ask) -> tuple[Change, ...]:
    """What convert would do with the meshes up to the stage, as the configuration agrees to it; held namespaces stay."""
    from ambimigrate.analyse import analyse
    from ambimigrate.cli import agreements
    from ambimigrate.convert import Choice, convert

    agreed = agreements.settings(options.config(ask))
    return convert(reading.meshes, analyse(reading.meshes), Choice(stage=stage, settings=agreed)).changes


def _changed(reading: Reading, changes: tuple[Change, ...]) -> tuple[Mesh, ...]:
    from ambimigrate.converters.apply import after

    return tuple(after(mesh, changes) for mesh in reading.meshes)


def _record(found: Verification, old: Reading, new: Reading) -> dict[str, Any]:
    from ambimigrate.render import verify_json
    from ambimigrate.render.heads import head

    heads = [head(verify_json.SCHEMA, _bare(each)) for each in (new, old)]
    return verify_json.record(found, *heads)


def _print(found: Verification, record: dict[str, Any]) -> None:
    from ambimigrate.render import verify_text

    width = min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stdout.isatty() else 100
    verify_text.render(found, sys.stdout, width)
    for each in record["problems"]:
        where = f"{each['file']}:{each['line']}: " if each["line"] else f"{each['file']}: " if each["file"] else ""
        sys.stdout.write(f"problem: {where}{each['message']}\n")


def _bare(reading: Reading) -> Any:
    """A report without findings, for the head that every JSON output shares."""
    from ambimigrate.report import Report

    first = reading.meshes[0]
    return Report(first.target, reading.meshes, first.source, reading.counts, reading.problems, (), (), reading.notes)


def _write_evidence(file: str, found: Verification, record: dict[str, Any], paths: tuple[str, ...]) -> None:
    from ambimigrate.render import verify_json
    from ambimigrate.render.encoding import dumped

    inputs = [_hashed(path) for path in paths]
    command = shlex.join(["ambimigrate", *sys.argv[1:]])
    try:
        Path(file).write_text(dumped(verify_json.evidence(found, record, inputs, command)), encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"--evidence: {error}") from None


def _hashed(path: str) -> dict[str, Any]:
    """The SHA-256 of every file of a tree, and of the list of them all."""
    names = sorted(_files(path))
    hashes = {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in names}
    whole = "".join(f"{digest}  {os.path.relpath(name, path)}\n" for name, digest in hashes.items())
    return {"path": path, "sha256": hashlib.sha256(whole.encode()).hexdigest(), "files": hashes}


def _files(path: str) -> list[str]:
    if Path(path).is_file():
        return [path]
    found = (each for each in Path(path).rglob("*") if ".git" not in each.parts and each.is_file())
    return [each.as_posix() for each in found]
