"""What `plan` writes: runbooks, probes, and one report for each owner."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from ambimigrate.cli import options
from ambimigrate.plan.probes import IMAGE
from ambimigrate.plan.values import Plan
from ambimigrate.sinks import folders
from ambimigrate.sinks.tree import Unwritable

if TYPE_CHECKING:
    from ambimigrate.model import Mesh
    from ambimigrate.plan.owners import Owned, Rule

Out = Annotated[
    str,
    typer.Option(
        "--out", help="Write a runbook here, a page and scripts for each wave; absent or empty.", rich_help_panel=options.OUTPUT
    ),
]
Probes = Annotated[
    str,
    typer.Option(
        "--probes",
        help="Write Jobs here that try what each policy lets in and refuses; absent or empty.",
        rich_help_panel=options.OUTPUT,
    ),
]
Image = Annotated[
    str, typer.Option("--probe-image", help="The image of the probes, with sh and curl.", rich_help_panel=options.OUTPUT)
]
Token = Annotated[
    str,
    typer.Option(
        "--probe-token-secret",
        metavar="NAME",
        help="Secrets of this name, beside the callers, hold tokens for calls that need one; the folder's README says which.",
        rich_help_panel=options.OUTPUT,
    ),
]
By = Annotated[
    str,
    typer.Option(
        "--by",
        help="owner: one report for each owner of CODEOWNERS; owner=LABEL: by a label or annotation.",
        rich_help_panel=options.OUTPUT,
    ),
]


class Wish(Struct, frozen=True):
    """What is to be written, and where."""

    out: str = ""
    probes: str = ""
    image: str = IMAGE
    by: str = ""
    secret: str = ""

    def check(self) -> None:
        """Ends the command if the places are not as they must be."""
        if self.by and self.by.partition("=")[0] != "owner":
            raise typer.BadParameter(f"--by is owner or owner=LABEL, not {self.by!r}")
        if self.by == "owner=":
            raise typer.BadParameter("--by owner=LABEL names a label or annotation behind the =")
        if self.out and self.probes and Path(self.out).resolve() == Path(self.probes).resolve():
            raise typer.BadParameter("--out and --probes are the same folder")
        try:
            for folder in (each for each in (self.out, self.probes) if each):
                folders.check(folder)
        except Unwritable as error:
            raise typer.BadParameter(str(error)) from None


def put(wish: Wish, plan: Plan, meshes: tuple[Mesh, ...], found: tuple[Owned, ...]) -> None:
    """Writes what was asked for; ends the command if that cannot be done."""
    try:
        if wish.out:
            from ambimigrate.render import plan_owners, runbook

            folders.write(wish.out, {**runbook.files(plan), **plan_owners.files(found)})
        if wish.probes:
            from ambimigrate.plan import probes
            from ambimigrate.render import probes as rendered

            changes = (change for wave in plan.waves for step in wave.steps for change in step.changes)
            how = probes.Made(wish.image, wish.secret)
            folders.write(wish.probes, rendered.files(plan, probes.probes(meshes, changes, plan, how), how))
    except (Unwritable, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        raise typer.Exit(2) from None


def owned(wish: Wish, plan: Plan, meshes: tuple[Mesh, ...], paths: tuple[str, ...]) -> tuple[Owned, ...]:
    """The plan by owners, nothing if that was not asked for."""
    if not wish.by:
        return ()
    from ambimigrate.plan import owners

    _, _, label = wish.by.partition("=")
    if label:
        return owners.owned(plan, meshes, owners.by_label(meshes, label))
    roots = dict(_roots(paths))
    if not roots:
        raise typer.BadParameter(
            "--by owner: no CODEOWNERS at the root, in .github, .gitlab or docs; owner=LABEL takes a label"
        )

    def of(resource: object) -> tuple[str, ...]:
        file = Path(str(getattr(resource, "file", ""))).resolve()
        inside = (root for root in roots if file.is_relative_to(root))
        return next((owners.of_file(roots[root], file.relative_to(root).as_posix()) for root in inside), ())

    return owners.owned(plan, meshes, of)


def _roots(paths: Iterable[str]) -> Iterator[tuple[Path, tuple[Rule, ...]]]:
    """The repositories of the paths with the rules of their CODEOWNERS."""
    from ambimigrate.plan import owners
    from ambimigrate.sources import codeowners

    for path in paths:
        if found := codeowners.find(path):
            yield found[0], owners.rules(found[1])


__all__ = ["IMAGE", "By", "Image", "Out", "Probes", "Token", "Wish", "owned", "put"]
