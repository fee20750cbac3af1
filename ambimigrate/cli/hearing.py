"""How scan and gate hear findings: suppressions, rules and thresholds of the configuration, and the day it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ambimigrate import suppressions
from ambimigrate.cli import options
from ambimigrate.cli.options import Ask
from ambimigrate.decode import Reading
from ambimigrate.model import Finding, Severity
from ambimigrate.report import Report
from ambimigrate.suppressions import Manner

if TYPE_CHECKING:
    from ambimigrate.sources.config import Config


def manner(ask: Ask, config: Config | None) -> Manner:
    """How to hear findings today, with this configuration."""
    is_whole = not ask.mesh and _is_all(ask, config)
    today = date.today().isoformat()
    return Manner(today, config.levels, config.relative, is_whole) if config else Manner(today, is_whole=is_whole)


def _is_all(ask: Ask, config: Config | None) -> bool:
    """Whether all was read that a configuration is about: its own folder, or one above it."""
    if ask.live.namespaces or ask.live.selector:
        return False
    if config is None or config.folder is None or not ask.paths:
        return True
    return any(config.folder.is_relative_to(Path(path).resolve()) for path in ask.paths)


def heard(report: Report, reading: Reading, ask: Ask) -> Report:
    """The report with everything heeded that suppresses or turns off."""
    config = options.config(ask)
    silences = suppressions.gathered(reading, config.suppressions if config else ())
    return suppressions.heed(report, silences, manner(ask, config))


def threshold(ask: Ask, given: str, default: str) -> Callable[[Finding], Severity | None]:
    """From which level on a finding fails: as --fail-on says, else the configuration, else the default."""
    options.threshold(given or default)
    config = options.config(ask)
    if given or config is None:
        limit = options.threshold(given or default)
        return lambda _finding: limit
    return lambda finding: options.threshold(config.levels.threshold(finding, config.relative) or default)
