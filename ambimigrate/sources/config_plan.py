"""The part of the configuration that is about the plan: its wishes, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from ambimigrate.plan.wishes import NONE, UNLIMITED, Named, Pin, Wishes
from ambimigrate.sources.config import Config, Section


def wishes(config: Config | None, max_wave: int = UNLIMITED) -> Wishes:
    """What the configuration wants; a size that was given counts before its own."""
    section = config.plan if config else None
    if section is None:
        return Wishes(max_wave) if max_wave else NONE
    return Wishes(
        max_wave or section.tree.get("maxWave", UNLIMITED),
        tuple(_pins(section)),
        tuple(_named(section, "exclude")),
        tuple(_named(section, "pilots")),
    )


def _named(section: Section, key: str) -> Iterator[Named]:
    for number, name in enumerate(section.tree.get(key, ())):
        yield Named(name, _place(section, key, number))


def _pins(section: Section) -> Iterator[Pin]:
    for number, each in enumerate(section.tree.get("pinned", ())):
        yield Pin(
            each["namespace"],
            _place(section, "pinned", number),
            each.get("wave"),
            each.get("before", ""),
            each.get("after", ""),
        )


def _place(section: Section, key: str, number: int) -> str:
    position = section.document.at(("plan", key, number))
    return f"{position.file}:{position.line}"
