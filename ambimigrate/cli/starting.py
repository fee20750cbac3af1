"""How a repository begins with the gate: its baseline, written and renewed, and the files that run it in CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from ambimigrate import catalogue
from ambimigrate.cli import gating, sides
from ambimigrate.cli.options import Ask
from ambimigrate.gate import baseline, beginning, known, settling
from ambimigrate.gate.known import Base
from ambimigrate.model import Target
from ambimigrate.report import Report
from ambimigrate.sinks import git, tree
from ambimigrate.sources import config as configuration


def update(ask: Ask, path: str, file: str, *, strict: bool, quiet: bool) -> None:
    """Writes the baseline anew: what there is now is known, what is gone drops out."""
    said, code = _updated(ask, path, file or gating.where(path, ask.config).own(gating.BASELINE), strict=strict)
    if not (quiet and code == 0):
        sys.stdout.write(f"{said}\n")
    raise typer.Exit(code)


def _updated(ask: Ask, path: str, name: str, *, strict: bool) -> tuple[str, int]:
    trust = gating.trusted(ask, path, gating.Against(file=name))
    side, _ = sides.sides(ask, path, trust.config, "", strict=strict)
    made, _ = sides.heard(side, None, ask, trust.config, trust.remarks)
    if not made.counts.objects:
        sides.failed(f"{name}: not written: " + "; ".join(each.message for each in made.problems))
    old = _old(name, trust.baseline)
    new, left = baseline.updated(made, _held(made), old, gating.standing(trust, made, None))
    _write({name: baseline.dumped(new)}, {name: trust.baseline})
    gone = len(known.compared(made.findings, old).fixed) if old else 0
    added = len(new.findings) - (len(old.findings) - gone if old else 0)
    said = f"{name}: {len(new.findings)} findings are known ({added} added, {gone} gone)"
    if made.problems:
        said += f", and {len(made.problems)} problems in the input, on which more may depend"
    if left:
        said += f"\n{left} findings of migrated namespaces were not added: nothing is taken for known there; settle them"
    return said, int(bool(left))


def _held(made: Report) -> Mapping[str, tuple[str, ...]]:
    found = settling.holds(made)
    return {each.fingerprint: settling.ids(each, found) for each in made.findings}


def _old(name: str, text: str | None) -> Base | None:
    """The baseline as it is; one that cannot be read is written anew."""
    try:
        return baseline.loaded(name, text) if text is not None else None
    except baseline.BaselineError as error:
        sys.stderr.write(f"{error}: doing so\n")
        return None


def _write(texts: Mapping[str, str], before: Mapping[str, str | None]) -> None:
    """Writes files, each in one step, with the folders that they need."""
    for name, text in texts.items():
        folder = Path(name).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tree.write(str(folder), [(name, before.get(name), text)])
        except (OSError, tree.Unwritable) as error:
            sides.failed(f"{name}: cannot be written: {getattr(error, 'strerror', None) or error}")


def start(ask: Ask, path: str, file: str) -> None:
    """Writes what is not there yet: configuration with its schema, baseline, workflow."""
    root = git.root(path if Path(path).is_dir() else str(Path(path).parent))
    top = Path(gating.shown(root, path)) if root else Path(path)
    place = gating.where(path, ask.config)
    if not Path(place.config).is_file() and not (place.home / gating.FOLDER).is_dir():
        place = gating.Where(os.path.normpath(top / configuration.NAME), top)
    named = beginning.server({each.name for each in top.iterdir()}, git.origin(str(top)) if root else "")
    project = os.environ.get(beginning.VARIABLE) or beginning.PROJECT
    if not beginning.IS_PROJECT.fullmatch(project):
        sides.failed(f"gate: {beginning.VARIABLE} is OWNER/NAME or the URL of a git repository, not {project!r}")
    schema = (catalogue.folder() / "schemas" / "config.json").read_text(encoding="utf-8")
    texts = {
        place.config: beginning.configuration(_target(ask, place)),
        place.own(beginning.SCHEMA): schema,
        **{str(top / name): text for name, text in beginning.workflow(named, os.path.relpath(path, top), project)},
    }
    recorded = file or place.own(gating.BASELINE)
    code = 0
    for name, text in texts.items():
        _put(os.path.normpath(name), text)
    if Path(recorded).exists():
        _say(recorded)
    else:
        said, code = _updated(ask, path, recorded, strict=False)
        sys.stdout.write(f"{said}\n")
    if named == "gitlab":
        _included(top)
    sys.stdout.write(f"Next: commit these files; from then on `ambimigrate gate {path}` fails only on what is new.\n")
    raise typer.Exit(code)


def _target(ask: Ask, place: gating.Where) -> Target:
    """What the verdicts are for, as a configuration that is there already may say."""
    try:
        config = configuration.load(Path(place.config)) if Path(place.config).is_file() else None
    except configuration.ConfigError as error:
        sides.failed(f"{error}")
    return ask.target(config.target if config else {})


def _put(name: str, text: str) -> None:
    if os.path.lexists(name):
        _say(name)
    else:
        _write({name: text}, {})
        sys.stdout.write(f"{name}: written\n")


def _say(name: str) -> None:
    sys.stdout.write(f"{name}: is there already and stays as it is\n")


def _included(top: Path) -> None:
    """What to add where the pipeline of GitLab is there already."""
    try:
        text = (top / beginning.GITLAB_CI).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if beginning.GITLAB not in text:
        sys.stdout.write(f"Add to {beginning.GITLAB_CI}:\n\n  include:\n    - local: {beginning.GITLAB}\n\n")
