"""`gate`: the check on pull requests: what is new since the base, and what takes migrated namespaces back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from ambimigrate import gate as gates
from ambimigrate.cli import asking, gating, options, sides
from ambimigrate.cli.options import Ask
from ambimigrate.gate import Question, ci
from ambimigrate.gate.back import regressions
from ambimigrate.render import FORMATS, renderer
from ambimigrate.report import Report

BASE = "What to compare with"
Folder = Annotated[str, typer.Argument(metavar="PATH", help="The folder of a GitOps repository.")]
Reference = Annotated[
    str,
    typer.Option(
        "--base",
        metavar="REF",
        help="A git reference. Default: the merge base with the target of the pull request, as GitHub or GitLab name it.",
        rich_help_panel=BASE,
    ),
]
Baseline = Annotated[
    str,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="A recorded state; default .ambimigrate/baseline.json, if no git reference is known. Does not tell what vanished.",
        rich_help_panel=BASE,
    ),
]
Update = Annotated[
    bool,
    typer.Option("--update-baseline", help="Write the baseline: what there is now is known.", rich_help_panel=BASE),
]
Init = Annotated[
    bool,
    typer.Option(
        "--init",
        help="Write configuration, baseline and workflow, where they are not there yet. AMBIMIGRATE_REPOSITORY names where "
        "the workflow finds ambimigrate: OWNER/NAME or a URL.",
        rich_help_panel=BASE,
    ),
]
FailOn = Annotated[
    str,
    typer.Option(
        help="Exit 1 from this level on: blocker, error, warning, info, or never. Default: by the state of the namespace.",
        rich_help_panel=options.OUTPUT,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        help=f"One of {', '.join(FORMATS)}. Default: text; on GitHub annotations, too, on GitLab also Code Quality.",
        rich_help_panel=options.OUTPUT,
    ),
]


@asking.command(asking.of_files)
def gate(
    ask: Ask,
    path: Folder = ".",
    base: Reference = "",
    baseline: Baseline = "",
    update_baseline: Update = False,
    init: Init = False,
    fail_on: FailOn = "",
    strict: options.Strict = False,
    format: Format = "",
    output: options.Output = None,
    quiet: options.Quiet = False,
    no_color: options.NoColor = False,
) -> None:
    """Check a change: only what is new or worse than the base fails.

    A namespace that nobody has planned fails only on what convert cannot settle, one of the recorded plan on errors, a
    migrated one also on everything that takes it back. Exit 1 if something fails, 2 for problems that the base lacks.
    """
    if fail_on:
        options.threshold(fail_on)
    options.one_of("--format", format, "", *FORMATS)
    files = options.outputs(output, *FORMATS)
    options.colours(off=no_color)
    if not Path(path).exists():
        raise typer.BadParameter(f"PATH: there is no file or folder {path!r}")
    ask = replace(ask, paths=(path,))
    if init or update_baseline:
        from ambimigrate.cli import starting  # with all of convert, which most runs do without

        starting.start(ask, path, baseline) if init else starting.update(ask, path, baseline, strict=strict, quiet=quiet)
    made = _judged(ask, path, (base, baseline), fail_on, strict=strict)
    code = gates.exit_code(made)
    if not (quiet and code == 0):
        _show(made, format)
    for name, file in (*files, *_asked_by_server(format, files)):
        with file.open("w", encoding="utf-8") as out:
            renderer(name)(made, out)
    raise typer.Exit(code)


def _judged(ask: Ask, path: str, given: tuple[str, str], fail_on: str, *, strict: bool) -> Report:
    """The report against its base."""
    against = gating.against(path, *given, gating.where(path, ask.config).own(gating.BASELINE))
    trust = gating.trusted(ask, path, against)
    now, before = sides.sides(ask, path, trust.config, against.commit, strict=strict, written=trust.written)
    standing = gating.standing(trust, now.report, before.report if before else None)
    if before is None and standing.migrated:
        trust.remarks.append(gating.UNSEEN)
    back = regressions(before.report.meshes if before else (), now.report.meshes, standing.migrated)
    made, old = sides.heard(now.joined(back), before, ask, trust.config, trust.remarks)
    said = gating.said(fail_on, trust.config)
    prints = frozenset(each.fingerprint for each in back)
    return gates.judge(made, Question(gating.base(against, trust, old), standing, prints, said, tuple(trust.remarks)))


def _show(made: Report, format: str) -> None:
    """Writes the result; on GitHub also the summary of the step, and the text where no name in it is taken for a command."""
    server = ci.server(os.environ)
    if server == "github" and format in {"", "github"}:
        from ambimigrate.render import github

        github.render(made, sys.stdout)
        if not format:
            github.fenced(made, sys.stdout)
        _summary(made)
    else:
        renderer(format or "text")(made, sys.stdout)


def _summary(made: Report) -> None:
    """Adds the verdict to the summary of the step, which GitHub shows on the page of the run."""
    file = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as out:
            renderer("markdown")(made, out)
    except OSError as error:
        sys.stderr.write(f"GITHUB_STEP_SUMMARY: cannot be written: {error.strerror or error}\n")


def _asked_by_server(format: str, files: Iterable[tuple[str, Path]]) -> tuple[tuple[str, Path], ...]:
    """The report that GitLab takes from a job, unless somebody asked for other ones."""
    if ci.server(os.environ) != "gitlab" or format or any(name == "codequality" for name, _ in files):
        return ()
    folder = Path(os.environ.get("CI_PROJECT_DIR", ""))
    return (("codequality", (folder if folder.is_dir() else Path()) / "gl-code-quality-report.json"),)
