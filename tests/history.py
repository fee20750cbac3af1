"""What a scripted history is made of: steps, the edits that they consist of, and the gate's answer to each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tests.conftest import FIXTURES
from tests.gated import Repository

Edit = Callable[[Repository], None]
MOVED = "apps/recommendation/base"  # of the namespace that is migrated in the course of the history


class Step(Struct, frozen=True):
    """A pull request: what it changes, and what the gate has to say about it."""

    title: str
    change: tuple[Edit, ...]
    code: int
    line: str  # of the output, whatever its line breaks
    merged: bool = False
    behind: int = 0  # commits of main that its branch does not have
    rebased: bool = False
    options: tuple[str, ...] = ()


def fine(title: str, line: str, *change: Edit, merged: bool = True, behind: int = 0, options: tuple[str, ...] = ()) -> Step:
    """A pull request that passes."""
    return Step(title, change, 0, line, merged, behind, options=options)


def bad(title: str, line: str, *change: Edit, behind: int = 0, rebased: bool = False, options: tuple[str, ...] = ()) -> Step:
    """A pull request that fails, and is not merged."""
    return Step(title, change, 1, line, False, behind, rebased, options)


def unread(title: str, line: str, *change: Edit, merged: bool = False) -> Step:
    """A pull request with something that cannot be read."""
    return Step(title, change, 2, line, merged)


def put(name: str, folder: str = MOVED, kept: str = "") -> Edit:
    """Adds a file of fixtures/history/ to a folder and to its kustomization, or replaces the file `kept`."""

    def edit(repository: Repository) -> None:
        shutil.copy(FIXTURES / "history" / name, repository.root / folder / (kept or name))
        if not kept:
            with (repository.root / folder / "kustomization.yaml").open("a") as out:
                out.write(f"  - {name}\n")

    return edit


def swap(file: str, old: str, new: str) -> Edit:
    """Changes a text that is in a file."""

    def edit(repository: Repository) -> None:
        path = repository.root / file
        before = path.read_text()
        assert old in before, (file, old)
        path.write_text(before.replace(old, new))

    return edit


def text(file: str, content: str) -> Edit:
    """Writes a file."""
    return lambda repository: repository.write({file: content})


def drop(file: str) -> Edit:
    """Deletes a file, and takes it out of the kustomization of its folder."""

    def edit(repository: Repository) -> None:
        path = repository.root / file
        path.unlink()
        listed = path.parent / "kustomization.yaml"
        if listed.exists():
            lines = listed.read_text().splitlines(keepends=True)
            listed.write_text("".join(line for line in lines if line.strip() != f"- {path.name}"))

    return edit


def renamed(file: str, name: str) -> Edit:
    """Gives a file another name, also in the kustomization of its folder."""

    def edit(repository: Repository) -> None:
        path = repository.root / file
        listed = path.parent / "kustomization.yaml"
        listed.write_text(listed.read_text().replace(f"- {path.name}\n", f"- {name}\n"))
        path.rename(path.parent / name)

    return edit


def reordered(file: str) -> Edit:
    """Turns the documents of a file round."""

    def edit(repository: Repository) -> None:
        path = repository.root / file
        path.write_text("---\n".join(f"{each.rstrip()}\n" for each in reversed(path.read_text().split("---\n"))))

    return edit


def ran(*arguments: str) -> Edit:
    """Runs the gate as a developer does, who commits what it writes."""

    def edit(repository: Repository) -> None:
        repository.gate("--render", "never", *arguments)

    return edit


class Played(Struct, frozen=True):
    """What the gate said about a step."""

    code: int
    said: str


def pushed(repository: Repository, step: Step, number: int) -> None:
    """The branch of a step: its change on `main`, or on what `main` was some steps ago."""
    repository.git("checkout", "--quiet", "-b", f"step-{number}", f"main~{step.behind}")
    for edit in step.change:
        edit(repository)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--allow-empty", "--message", step.title)
    if step.rebased:
        repository.git("rebase", "--quiet", "main")


def played(repository: Repository, step: Step, number: int, cache: Path) -> Played:
    pushed(repository, step, number)
    env = {"GITHUB_BASE_REF": "main", "AMBIMIGRATE_CACHE_DIR": str(cache)}
    run = repository.gate("--render", "never", *step.options, env=env)
    if step.merged:
        repository.git("checkout", "--quiet", "main")
        repository.git("merge", "--quiet", "--no-edit", f"step-{number}")
        repository.git("update-ref", "refs/remotes/origin/main", "main")
    return Played(run.returncode, " ".join((run.stdout + run.stderr).split()))
