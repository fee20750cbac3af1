"""The tree and its base, read in the same way, out of the cache what did not change, and heard in the same manner."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NoReturn, cast

import typer
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import report, suppressions
from ambimigrate.analyse import analyse
from ambimigrate.analyse.again import Study
from ambimigrate.cli import hearing, options
from ambimigrate.cli.options import Ask
from ambimigrate.decode import Counts, Reading
from ambimigrate.model import Finding, Mesh
from ambimigrate.report import Report
from ambimigrate.sources import cache, git_base, renderers
from ambimigrate.sources.cache import Store
from ambimigrate.sources.cache_findings import Studied, study
from ambimigrate.sources.cache_values import Remembered
from ambimigrate.sources.config import Config
from ambimigrate.sources.helmed import Asked
from ambimigrate.sources.read import read_files
from ambimigrate.suppressions import Silence


def failed(text: str) -> NoReturn:
    """Ends the command with a message and exit code 2."""
    sys.stderr.write(f"{text}\n")
    raise typer.Exit(2)


class Side(Struct, frozen=True):
    """One side as it was read, with what its texts and objects say about suppressions, and its analysis if it is remembered."""

    report: Report
    silences: tuple[Silence, ...]
    known: Studied | None = None

    def joined(self, more: tuple[Finding, ...]) -> Side:
        """The side with findings that only both sides together tell."""
        every = sorted((*self.report.findings, *more), key=lambda each: each.order)
        return replace(self, report=replace(self.report, findings=tuple(every))) if more else self


class Kept(Struct, frozen=True):
    """What is remembered of a base, so that it need not be read again: all but its objects; `study` is an entry, too."""

    meshes: tuple[str, ...]
    silences: tuple[Silence, ...]
    study: str


class Unread(Sequence[Mesh]):
    """The meshes of a base, of which only the names are known until somebody looks at its objects."""

    def __init__(self, names: Sequence[str], read: Callable[[], Side]) -> None:
        self.names, self._read = names, read

    @cached_property
    def _meshes(self) -> tuple[Mesh, ...]:
        return self._read().report.meshes

    def __len__(self) -> int:
        return len(self._meshes)

    def __getitem__(self, number: Any) -> Any:
        return self._meshes[number]


class Reader(Struct, frozen=True):
    """Reads the tree and its base in the same way, out of the cache what did not change."""

    ask: Ask
    path: str
    config: Config | None
    written: tuple[str, str | None]  # the configuration: its place and text
    remembered: Remembered
    store: Store
    strict: bool

    def side(self, commit: str = "", before: Side | None = None) -> Side:
        """The tree as it is, or as it stands in a commit, with its findings; `before` has most of them already."""
        reading = self._read(commit)
        known = study(reading.meshes, self.store, before.known.study if before and before.known else None)
        check = (lambda _meshes: known.study.findings()) if known else analyse
        made = report.report(reading, strict=self.strict, check=check)
        return Side(made, suppressions.gathered(reading), known)

    def base(self, commit: str) -> Side:
        """The tree as it stands in a commit; its objects are read only if nothing else is known of it, or when needed."""
        if self.store.folder is None:
            return self.side(commit)
        key = self._key(commit)
        kept = self.store.found(key, Kept)
        known = self.store.found(kept.study, Study) if kept else None
        if kept and known:
            meshes = cast("tuple[Mesh, ...]", Unread(kept.meshes, lambda: self.side(commit)))
            found = Report(self._target(), meshes, "files", Counts(), (), known.findings(), (), ())
            return Side(found, kept.silences, Studied(kept.study, known))
        read = self.side(commit)
        if read.known and not read.report.problems and git_base.is_plain(self.path, commit):
            names = tuple(each.name for each in read.report.meshes)
            self.store.keep(key, Kept(names, read.silences, read.known.key))
        return read

    def _key(self, commit: str) -> str:
        """A name for all that a base depends on where nothing is rendered: whole trees, since links lead about in them."""
        ask, tree = self.ask, git_base.tree_id(self.path, commit)
        place = (os.path.realpath(self.path), os.path.normpath(self.path), *self.written)
        said = (ask.namespace, ask.mesh, ask.render, ask.helm_values, self.strict, renderers.identity())
        return self.store.key("base", tree, place, self._target(), said)

    def _target(self) -> Any:
        return self.ask.target(self.config.target if self.config else {})

    def _read(self, commit: str) -> Reading:
        ask, config, target = self.ask, self.config, self._target()
        namespace = ask.namespace or (config.namespace if config else "")
        asked = Asked(ask.render, ask.helm_values, parse=self.remembered.values)
        if commit:
            reading = git_base.read_base(self.path, commit, target, namespace, config, asked)
        else:
            reading = read_files([self.path], target, namespace, config, asked)
        meshes = tuple(options.targeted(mesh, ask, config) for mesh in reading.meshes) if config else reading.meshes
        return replace(reading, meshes=options.chosen(meshes, ask.mesh))


def sides(
    ask: Ask, path: str, config: Config | None, commit: str, *, strict: bool, written: tuple[str, str | None] = ("", None)
) -> tuple[Side, Side | None]:
    """The tree and its base, each with its findings."""
    store = cache.opened()
    reader = Reader(ask, path, config, written, Remembered(store, path), store, strict)
    try:
        before = reader.base(commit) if commit else None
    except git_base.NoBase as error:
        failed(f"gate: {error}")
    now = reader.side(before=before)
    reader.remembered.keep()
    return now, before


def heard(now: Side, before: Side | None, ask: Ask, config: Config | None, remarks: list[str]) -> tuple[Report, Report | None]:
    """Both reports with what is suppressed; of the change only what its base suppresses too."""
    manner = hearing.manner(ask, config)
    configured = config.suppressions if config else ()
    silences = (*now.silences, *configured)
    if before is None:
        return suppressions.heed(now.report, silences, manner), None
    old = (*before.silences, *configured)
    kept, added = suppressions.trusted(silences, old)
    remarks.extend(_added(added))
    return suppressions.heed(now.report, kept, manner), _heed(before.report, old, manner)


def _heed(found: Report, silences: tuple[Silence, ...], manner: suppressions.Manner) -> Report:
    """What is heard of a base: for that the names of its meshes do."""
    if not isinstance(found.meshes, Unread):
        return suppressions.heed(found, silences, manner)
    named = tuple(Mesh(name, (), found.target) for name in found.meshes.names)
    return replace(suppressions.heed(replace(found, meshes=named), silences, manner), meshes=found.meshes)


def _added(added: tuple[Silence, ...]) -> Iterator[str]:
    if added:
        first = added[0]
        where = f"{first.position.file}:{first.position.line}: {first.shown}"
        more = f" and {len(added) - 1} more" if len(added) > 1 else ""
        yield f"This change adds suppressions, which count once it is merged: {where}{more}."
