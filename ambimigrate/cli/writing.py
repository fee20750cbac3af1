"""What `convert` does with its result: files in place, another tree, commits, and words for the pull request."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from ambimigrate.changes import Change, Create, Stage
from ambimigrate.cli import options
from ambimigrate.convert import Conversion, based
from ambimigrate.model import Mesh
from ambimigrate.plan.steps import Source, Work
from ambimigrate.plan.values import Step
from ambimigrate.render import pull_request
from ambimigrate.sinks import git, texts, tree

Out = Annotated[
    str, typer.Option("--out", help="Write the complete tree here; absent or empty.", rich_help_panel=options.OUTPUT)
]
Write = Annotated[
    bool, typer.Option("--write", help="Change the files in place; needs --stage.", rich_help_panel=options.OUTPUT)
]
Force = Annotated[
    bool, typer.Option("--force", help="With --write: also where git shows changes.", rich_help_panel=options.OUTPUT)
]
Commit = Annotated[
    bool,
    typer.Option(
        "--commit",
        help="With --write: commit what changes, where something is deleted in two commits. Nothing is pushed.",
        rich_help_panel=options.OUTPUT,
    ),
]
Body = Annotated[
    str, typer.Option("--pr-body", help="Write the text of a pull request (Markdown) here.", rich_help_panel=options.OUTPUT)
]

Texts = list[tuple[str, str | None, str | None]]


class How(Struct, frozen=True):
    """What was asked for."""

    path: str
    out: str = ""
    write: bool = False
    force: bool = False
    commit: bool = False
    body: str = ""

    def check(self, stage: Stage | None) -> None:
        """Ends the command if the options do not go together or the places are not as they must be."""
        if not Path(self.path).is_dir():
            raise typer.BadParameter(
                f"{self.path} is no folder; convert changes the files of a repository (--snapshot FILE adds a cluster)"
            )
        if self.write and self.out:
            raise typer.BadParameter("--write changes the tree in place, --out writes another one; give one of them")
        if self.write and stage is None:
            raise typer.BadParameter("--write needs --stage; start with --stage prepare")
        if (self.commit or self.force) and not self.write:
            raise typer.BadParameter(f"--{'commit' if self.commit else 'force'} needs --write")
        try:
            self._check_places()
        except (tree.Unwritable, git.GitError) as error:
            raise typer.BadParameter(str(error)) from None

    def _check_places(self) -> None:
        if self.out:
            tree.check_out(self.path, self.out)
        known = self.write and git.root(self.path) is not None
        if self.commit and not known:
            raise tree.Unwritable(f"--commit: {self.path} is in no git repository")
        if known and not self.force and (found := git.changed(self.path)):
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise tree.Unwritable(f"--write: not committed yet: {found[0]}{more}; commit or stash it, or give --force")


def put(how: How, meshes: tuple[Mesh, ...], conversion: Conversion, files: texts.Files) -> None:
    """Writes what was asked for; ends the command if that cannot be done."""
    try:
        if how.commit:
            _commit(how, meshes, conversion, files)
        elif how.write:
            tree.write(how.path, files.changed)
        elif how.out:
            tree.copy(how.path, how.out, files.changed)
        if how.body:
            work = pull_request.Work(conversion.changes, conversion.held, _steps(how.path, meshes, conversion.changes))
            Path(how.body).write_text(pull_request.body(work), encoding="utf-8")
    except (tree.Unwritable, git.GitError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None


def _commit(how: How, meshes: tuple[Mesh, ...], conversion: Conversion, files: texts.Files) -> None:
    """One commit for what is new and edited, one for what goes; each is written and committed before the next."""
    first = tuple(each for each in conversion.changes if not _is_end(each))
    for changes, changed in zip((first, _others(conversion.changes, first)), _halves(how, first, files), strict=True):
        if changed:
            tree.write(how.path, changed)
            work = pull_request.Work(changes, (), _steps(how.path, meshes, changes))
            made = git.commit(how.path, (name for name, _, _ in changed), pull_request.message(work))
            sys.stderr.write(f"committed {made}: {pull_request.message(work).splitlines()[0]}\n")


def _others(changes: tuple[Change, ...], first: tuple[Change, ...]) -> tuple[Change, ...]:
    known = {id(each) for each in first}
    return tuple(each for each in changes if id(each) not in known)


def _is_end(change: Change) -> bool:
    """Whether the change takes away what another one of its stage replaces."""
    return change.action is None or (change.stage is Stage.retire and not isinstance(change.action, Create))


def _halves(how: How, first: tuple[Change, ...], files: texts.Files) -> tuple[Texts, Texts]:
    """The texts of the first commit, and those of the second one on top of it."""
    half = tree.files(how.path)
    texts.rewrite(first, based, half)
    return list(half.changed), list(_rest(half, files))


def _rest(half: texts.Files, files: texts.Files) -> Iterator[tuple[str, str | None, str | None]]:
    for name in sorted(files.after.keys() | half.after.keys()):
        before = half.after[name] if name in half.after else files.before[name]
        after = files.after[name] if name in files.after else half.before[name]
        if before != after:
            yield name, before, after


def _steps(path: str, meshes: tuple[Mesh, ...], changes: tuple[Change, ...]) -> tuple[Step, ...]:
    """The steps of the plan that make these changes: their gates, checks and ways back."""
    found = []
    for mesh in meshes:
        own = tuple(each for each in changes if each.mesh == mesh.name)
        work = Work(mesh, own, Source(path))
        names = tuple(sorted({each.namespace for each in own}))
        for stage in sorted({each.stage for each in own}):
            found.append(work.enroll(names) if stage is Stage.enroll else work.step(stage, names))
    return tuple(found)
