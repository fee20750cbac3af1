"""The words about the rules: one YAML entry each, read when a rule has something to say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from ambimigrate.model import Severity
from ambimigrate.versions import Version, in_ranges
from ambimigrate.yamlio import Document, values


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way in which a rule can hit: how bad it is, for which versions of Istio it is true, what to do."""

    severity: str
    fix: str
    fails_open: bool = False
    versions: str = "*"  # ranges as versions.in_ranges reads them
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
    by: str = "scan"  # scan | convert: who reports it
    pitfalls: tuple[str, ...] = ()

    def case(self, name: str, istio: Version) -> Case | None:
        """The case of that name, None if it is not true for the version."""
        found = self.cases[name]
        return found if in_ranges(istio, found.versions) else None


def folder() -> Path:
    """Where the catalogue lies: beside the package in a checkout, inside it in an installation."""
    package = Path(__file__).parent
    checkout = package.parent / "rules"
    return checkout if (checkout / "schemas").is_dir() else package / "_rules"


@cache
def entry(name: str) -> Entry:
    """The entry of a rule; KeyError if there is none."""
    path = folder() / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyError(name) from None
    return msgspec.convert(values(Document(str(path), 0, 1, text)).value, Entry)


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
