"""Every case of a reason of convert, of all families but a few, is shown by a fixture."""

from __future__ import annotations

import pytest

from ambimigrate import catalogue
from ambimigrate.changes import Change, Held
from ambimigrate.convert import Choice
from ambimigrate.converters.filters import remedies
from tests.test_convert import CASES, agreed, converted, nothing, target

FAMILIES = frozenset({"AP", "RA", "EX", "TE", "EF", "WP", "NP", "NS", "SC", "SE", "WL", "VS", "DR", "RT"})
# A renaming that no prefix explains needs the real kustomize, as do blocks that overlays add (test_overlaid.py); `unserved`
# is the converter's check of itself; what to do about a patch is said with the names in it (test_filter_remedies.py).
ELSEWHERE = {
    ("EF901", "unserved"),
    *(("EF901", case) for case in remedies.CASES),
    *((id, "renamed") for id in ("EF901", "EX902", "RA902", "SE903", "TE902", "VS901", "WP903")),
    ("DR951", "overlay"),
    # Said with the names of the mesh instead; and what no input leads to unless this tool has a fault.
    *(("NS902", "default"), ("SC901", "registry"), ("NS920", "default")),
}


@pytest.fixture(scope="module")
def shown() -> tuple[set[tuple[str, str | None]], set[str]]:
    """The reasons of everything that the fixtures hold, with the way out; and those of everything that they change."""
    held: list[Held] = []
    changes: list[Change] = []
    for case in CASES:
        _, conversion, _ = converted(case / "input", target(case), Choice(settings=agreed(case)), nothing)
        held += conversion.held
        changes += conversion.changes
    return {(id, _plain(each)) for each in held for id in each.because}, {id for each in changes for id in each.because}


def _plain(held: Held) -> str | None:
    """The way out as the catalogue has it, without the name of the object."""
    name = f"{held.ref.namespace}/{held.ref.name}"
    return held.alternative and held.alternative.replace(f":{name}", ":NAMESPACE/NAME")


def test_every_case_is_shown(shown: tuple[set[tuple[str, str | None]], set[str]]) -> None:
    held, made = shown
    missing = {
        (entry.id, name)
        for entry in catalogue.entries().values()
        if entry.by == "convert" and entry.id[:2] in FAMILIES
        for name, case in entry.cases.items()
        if not any(id == entry.id and (way or "").startswith(case.fix) for id, way in held)
        and not (case.holds == "nothing" and entry.id in made)
    }
    assert missing == ELSEWHERE
