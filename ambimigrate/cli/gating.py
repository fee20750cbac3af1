"""What the gate compares with: which base, and whose configuration, plan and baseline count."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from msgspec import Struct, field

from ambimigrate import __version__
from ambimigrate.cli.options import Ask
from ambimigrate.cli.sides import failed
from ambimigrate.gate import Said, baseline, ci, known
from ambimigrate.gate.known import Base
from ambimigrate.gate.states import Place, PlanError, States, of_plan, states
from ambimigrate.report import Report
from ambimigrate.sources import config as configuration
from ambimigrate.sources import git_base
from ambimigrate.sources.config import Config

UNSEEN = "A baseline does not tell what vanished from migrated namespaces, such as a waypoint: --base REF does."
FOLDER, BASELINE, PLAN = ".ambimigrate", "baseline.json", "plan.json"


class Against(Struct, frozen=True):
    """What to compare with: a commit under a name for people, or the text of a baseline."""

    commit: str = ""
    name: str = ""
    file: str = ""  # of the baseline


class Trusted(Struct, frozen=True):
    """What the verdict depends on beside the objects: of the base where there is one. `remarks` tell what differs."""

    config: Config | None
    written: tuple[str, str | None] = ("", None)  # the configuration: its place and text
    planned: tuple[Place, ...] = ()
    baseline: str | None = None
    remarks: list[str] = field(default_factory=list)


Holds = Callable[[str], bool]  # whether there is a file of that name


class Where(Struct, frozen=True):
    """The configuration (where it would be, if there is none), and the folder that holds `.ambimigrate/`."""

    config: str
    home: Path

    def own(self, name: str) -> str:
        """A file of ours."""
        return os.path.normpath(self.home / FOLDER / name)


def where(path: str, config: str = "", holds: Holds = os.path.isfile) -> Where:
    """The nearest ones from the tree upwards, inside its repository; a folder with a configuration also holds the rest."""
    above = [shown(each, path) for each in _upwards(path)]
    found = config or next((name for each in above if holds(name := _in(each, configuration.NAME))), "")
    if found:
        return Where(found, Path(shown(Path(found).parent, path)))
    kept = (each for each in above if any(holds(_in(each, FOLDER, name)) for name in (BASELINE, PLAN)))
    home = next(kept, above[0])
    return Where(_in(home, configuration.NAME), Path(home))


def shown(place: str | Path, path: str) -> str:
    """A place as somebody reads it who named the path: from the working directory, or in full where that lies elsewhere."""
    relative = os.path.relpath(place)
    return os.path.realpath(place) if relative.startswith(os.pardir) and Path(path).is_absolute() else relative


def _in(folder: str, *names: str) -> str:
    return os.path.normpath(Path(folder, *names))


def _upwards(path: str) -> Iterator[Path]:
    folder = Path(path).resolve() if Path(path).is_dir() else Path(path).resolve().parent
    for each in (folder, *folder.parents):
        yield each
        if (each / ".git").exists():
            return


def against(path: str, base: str, file: str, recorded: str) -> Against:
    """What to compare with: what was asked for, else what the CI server names, else the recorded baseline."""
    if base and file:
        raise typer.BadParameter("--base and --baseline: only one of them")
    try:
        if base:
            return _of_reference(path, base)
        target = ci.target(os.environ)
        merged = _of_target(path, target) if target else Against()
    except git_base.NoBase as error:
        failed(f"gate: {error}")
    if file or not merged.commit:
        return _of_baseline(path, file or recorded, merged, asked=bool(file))
    return merged


def _of_reference(path: str, reference: str) -> Against:
    commit = git_base.commit(path, reference)
    return Against(commit, f"{reference} ({commit[:7]})" if not commit.startswith(reference) else commit[:7])


def _of_target(path: str, target: ci.Target) -> Against:
    """The merge base with the target of the pull request."""
    error: git_base.NoBase | None = None
    for reference in target.references:
        try:
            commit = git_base.commit(path, reference)
            commit = commit if target.is_merge_base else git_base.merge_base(path, reference)
            return Against(commit, f"{target.value[:7] if target.is_merge_base else reference} ({commit[:7]})")
        except git_base.NoBase as found:
            error = error or found
    raise git_base.NoBase(f"{target.variable} names {target.value}, and {error}")


def _of_baseline(path: str, file: str, merged: Against, *, asked: bool) -> Against:
    """The baseline, as the base of a pull request has it where there is one; a base without one is compared with itself."""
    if merged.commit and git_base.text(path, merged.commit, file) is None:
        return merged
    if not merged.commit and not Path(file).is_file():
        if asked:
            failed(
                f"gate: {file}: there is no such baseline; `ambimigrate gate {shlex.quote(path)} --update-baseline` writes one"
            )
        failed(
            "gate: nothing to compare with: give --base REF, or write a baseline with "
            f"`ambimigrate gate {shlex.quote(path)} --update-baseline` ({file}); in a pull request GITHUB_BASE_REF or "
            "CI_MERGE_REQUEST_DIFF_BASE_SHA name the base"
        )
    return Against(merged.commit, file, file)


def trusted(ask: Ask, path: str, against: Against) -> Trusted:
    """Configuration, plan and baseline, of the base where it is a commit: a pull request cannot excuse itself.

    Nor by putting others where they would be found first: where they are is the base's to say, too.
    """
    place = own = where(path, ask.config)
    if against.commit:
        place = where(path, ask.config, lambda name: git_base.text(path, against.commit, name) is not None)
    remarks = [_told("adds", own.config)] if own.config != place.config and Path(own.config).is_file() else []
    said = _text(path, place.config, against, remarks)
    plan = _text(path, place.own(PLAN), against, remarks)
    recorded = _text(path, against.file, against, remarks) if against.file else None
    try:
        config = configuration.load_text(place.config, said, Path(place.config).parent) if said is not None else None
        planned = of_plan(place.own(PLAN), plan) if plan is not None else ()
    except configuration.ConfigError as error:
        failed(f"{error}" + (f"\n(as it stands in {against.name})" if against.commit else ""))
    except PlanError as error:
        failed(f"{error}")
    return Trusted(config, (place.config, said), planned, recorded, remarks)


def _told(what: str, name: str) -> str:
    return f"This change {what} {name}: that counts once it is merged; here the base's own counts."


def _text(path: str, name: str, against: Against, remarks: list[str]) -> str | None:
    """A file that the verdict depends on; a remark where the change has another one."""
    try:
        own = Path(name).read_text(encoding="utf-8") if Path(name).is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        failed(f"gate: {name}: cannot be read: {getattr(error, 'strerror', None) or 'is not UTF-8'}")
    if not against.commit:
        return own
    old = git_base.text(path, against.commit, name)
    if old != own:
        remarks.append(_told("adds" if old is None else "removes" if own is None else "changes", name))
    return old


def base(against: Against, trust: Trusted, before: Report | None) -> Base:
    """What the base knows."""
    if before is not None and not against.file:
        return known.of(before, against.name)
    try:
        found = baseline.loaded(against.file, trust.baseline or "")
    except baseline.BaselineError as error:
        failed(f"{error}")
    if (wrote := baseline.version(trust.baseline or "")) not in {"", __version__}:
        told = f"{against.file} was written by ambimigrate {wrote}: what only {__version__} finds is new here"
        trust.remarks.append(f"{told}; --update-baseline takes it in.")
    return found


def standing(trust: Trusted, now: Report, before: Report | None) -> States:
    """How far the namespaces are; without a plan or a declaration nobody has to look at their objects."""
    if not trust.planned and not (trust.config and trust.config.migrated):
        return States()
    declared = trust.config.is_migrated if trust.config else lambda _mesh, _namespace: False
    return states(trust.planned, declared, now, before)


def said(fail_on: str, config: Config | None) -> Said:
    """From which level on a finding fails, as the option or the configuration says."""
    if fail_on:
        return lambda _finding: fail_on
    return (lambda finding: config.levels.threshold(finding, config.relative)) if config else (lambda _finding: "")
