"""The tree and its base, read in the same way, out of the cache what did not change, and heard in the same manner."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NoReturn

import typer
from msgspec import Struct
from msgspec.structs import replace

from ambimigrate import report, suppressions
from ambimigrate.cli import hearing, options
from ambimigrate.cli.options import Ask
from ambimigrate.decode import Reading
from ambimigrate.model import Finding
from ambimigrate.report import Report
from ambimigrate.sources import cache, git_base
from ambimigrate.sources.cache import Store
from ambimigrate.sources.cache_findings import findings
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
    """One side as it was read, with what its texts say about suppressions."""

    report: Report
    reading: Reading

    def joined(self, more: tuple[Finding, ...]) -> Side:
        """The side with findings that only both sides together tell."""
        every = sorted((*self.report.findings, *more), key=lambda each: each.order)
        return Side(replace(self.report, findings=tuple(every)), self.reading) if more else self


class Reader(Struct, frozen=True):
    """Reads the tree and its base in the same way, out of the cache what did not change."""

    ask: Ask
    path: str
    config: Config | None
    remembered: Remembered
    store: Store
    strict: bool

    def side(self, commit: str = "") -> Side:
        """The tree as it is, or as it stands in a commit, with its findings."""
        reading = self._read(commit)
        return Side(report.report(reading, strict=self.strict, check=lambda meshes: findings(meshes, self.store)), reading)

    def _read(self, commit: str) -> Reading:
        ask, config = self.ask, self.config
        target = ask.target(config.target if config else {})
        namespace = ask.namespace or (config.namespace if config else "")
        asked = Asked(ask.render, ask.helm_values, parse=self.remembered.values)
        if commit:
            reading = git_base.read_base(self.path, commit, target, namespace, config, asked)
        else:
            reading = read_files([self.path], target, namespace, config, asked)
        meshes = tuple(options.targeted(mesh, ask, config) for mesh in reading.meshes) if config else reading.meshes
        return replace(reading, meshes=options.chosen(meshes, ask.mesh))


def sides(ask: Ask, path: str, config: Config | None, commit: str, *, strict: bool) -> tuple[Side, Side | None]:
    """The tree and its base, each with its findings."""
    store = cache.opened()
    reader = Reader(ask, path, config, Remembered(store, path), store, strict)
    try:
        found = reader.side(), reader.side(commit) if commit else None
    except git_base.NoBase as error:
        failed(f"gate: {error}")
    reader.remembered.keep()
    return found


def heard(now: Side, before: Side | None, ask: Ask, config: Config | None, remarks: list[str]) -> tuple[Report, Report | None]:
    """Both reports with what is suppressed; of the change only what its base suppresses too."""
    manner = hearing.manner(ask, config)
    configured = config.suppressions if config else ()
    silences = suppressions.gathered(now.reading, configured)
    if before is None:
        return suppressions.heed(now.report, silences, manner), None
    old = suppressions.gathered(before.reading, configured)
    kept, added = suppressions.trusted(silences, old)
    remarks.extend(_added(added))
    return suppressions.heed(now.report, kept, manner), suppressions.heed(before.report, old, manner)


def _added(added: tuple[Silence, ...]) -> Iterator[str]:
    if added:
        first = added[0]
        where = f"{first.position.file}:{first.position.line}: {first.shown}"
        more = f" and {len(added) - 1} more" if len(added) > 1 else ""
        yield f"This change adds suppressions, which count once it is merged: {where}{more}."
