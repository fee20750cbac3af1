"""The words about the rules: one YAML entry each, read when a rule has something to say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec
from msgspec.structs import replace

from ambimigrate.model import Severity
from ambimigrate.support import feature
from ambimigrate.support import folder as folder
from ambimigrate.versions import Version, in_ranges
from ambimigrate.yamlio import Document, values


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"statuses": "is"}):
    """The versions on which the table of support gives a data plane one of these statuses for a feature."""

    feature: str
    plane: str
    statuses: tuple[str, ...]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way in which a rule can hit: how bad it is, for which versions of Istio it is true, what to do."""

    severity: str
    fix: str
    fails_open: bool = False
    versions: str = "*"  # ranges as versions.in_ranges reads them, from the table where `support` says so
    support: Bounds | None = None
    evidence: str = "source"  # observed | source | documentation | derived
    issue: str = ""  # the upstream issue that would end the waiting, where no version does
    holds: str = "namespace"  # what it holds back while it is a blocker or an error: namespace | mesh | nothing

    @property
    def level(self) -> Severity:
        return Severity[self.severity]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the catalogue says about a rule."""

    id: str
    title: str
    why: str
    cases: dict[str, Case]
    reads: tuple[str, ...]
    references: tuple[str, ...]
    by: str = "scan"  # scan | report (about what the user wrote for us) | convert | gate: who reports it
    pitfalls: tuple[str, ...] = ()

    def case(self, name: str, istio: Version) -> Case | None:
        """The case of that name, None if it is not true for the version."""
        found = self.cases[name]
        return found if in_ranges(istio, found.versions) else None


@cache
def entry(name: str) -> Entry:
    """The entry of a rule; KeyError if there is none."""
    path = folder() / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyError(name) from None
    found = msgspec.convert(values(Document(str(path), 0, 1, text)).value, Entry)
    return replace(found, cases={case: _bounded(each) for case, each in found.cases.items()})


def _bounded(case: Case) -> Case:
    """The case with the versions and the upstream issue that the table of support gives it."""
    if case.support is None:
        return case
    told = feature(case.support.feature)
    return replace(case, versions=told.ranges(case.support.plane, *case.support.statuses), issue=case.issue or told.issue)


def entries() -> Mapping[str, Entry]:
    """All entries by id."""
    return {path.stem: entry(path.stem) for path in sorted(folder().glob("*.yaml"))}


class Elsewhere(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pitfall that no rule sees in configuration: whether a live cluster shows it or only a person, and how."""

    by: str  # live | hand
    what: str
    how: str


def elsewhere() -> Mapping[str, Elsewhere]:
    """The pitfalls without a rule, by their id in the list of known pitfalls."""
    path = folder() / "elsewhere" / "pitfalls.yaml"
    tree = values(Document(str(path), 0, 1, path.read_text(encoding="utf-8"))).value
    return msgspec.convert(tree, dict[str, Elsewhere])


class Unconverted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pitfall that an edit could settle, and why convert makes none: who settles it instead."""

    by: str  # hand | platform | plan | convert (by a hold)
    why: str


def unconverted() -> Mapping[str, Unconverted]:
    """The pitfalls for which convert writes nothing though it could seem so, by their id in the list of known pitfalls."""
    path = folder() / "elsewhere" / "conversions.yaml"
    tree = values(Document(str(path), 0, 1, path.read_text(encoding="utf-8"))).value
    return msgspec.convert(tree, dict[str, Unconverted])
