"""Carrying plans out: the commands of every step, one after the other, on a copy of the tree."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from typer.testing import CliRunner

from ambimigrate.changes import Change
from ambimigrate.cli import _app, options
from ambimigrate.cli.options import Ask
from ambimigrate.cli.plan import agreed
from ambimigrate.cli.plan import planned as of
from ambimigrate.plan import Plan
from ambimigrate.plan.values import Step
from ambimigrate.plan.wishes import NONE, Wishes

AGREED = "closeDirectAccess: true\n"


def copied(tree: Path, to: Path) -> Path:
    """A copy of the tree whose owner agrees to what closes the direct way."""
    shutil.copytree(tree, to, ignore=shutil.ignore_patterns(".git", ".ambimigrate"))
    if not (to / ".ambimigrate.yaml").exists():
        (to / ".ambimigrate.yaml").write_text(AGREED)
    return to


def planned(tree: Path, wishes: Wishes = NONE) -> Plan:
    options.config.cache_clear()
    ask = Ask((str(tree),))
    return of(ask, wishes, agreed(ask), strict=False)[0]


def convert(*arguments: str, output: bool = False) -> tuple[int, str]:
    """The exit code, and what was said about it; with `output` what was printed."""
    options.config.cache_clear()
    result = CliRunner().invoke(_app(["convert"]), ["convert", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout if output else " ".join(result.stderr.split())


def of_step(step: Step) -> list[tuple[str, ...]]:
    """The arguments of every command of convert in a step; the last is --write."""
    found = [tuple(shlex.split(line, comments=True)) for line in step.commands if line.startswith("ambimigrate convert")]
    assert all(words[-1] == "--write" for words in found)
    return [words[2:] for words in found]


def contents(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}


def named(change: Change) -> tuple[str, ...]:
    """A change as the JSON of convert names it: stage, namespace, mesh, verb, and the object."""
    ref = change.ref
    return change.stage.name, change.namespace, change.mesh, change.verb, ref.kind, ref.group, ref.namespace, ref.name
