"""What each data plane supports, by version of Istio: the one table of parity, from which every rule takes its bounds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from ambimigrate.versions import Version, in_ranges
from ambimigrate.yamlio import Document, values

PLANES = ("sidecar", "ztunnel", "waypoint", "gateway")


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A status and the versions that have it."""

    versions: str
    status: str


Support = str | tuple[Range, ...]


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature and its support by data plane; a plain status holds for every version."""

    id: str
    title: str
    sidecar: Support
    ztunnel: Support
    waypoint: Support
    gateway: Support
    source: str
    note: str = ""
    issue: str = ""

    def ranges(self, plane: str, *statuses: str) -> str:
        """The versions on which a data plane (one of PLANES) has one of these statuses, "" for none."""
        support: Support = getattr(self, plane)
        if isinstance(support, str):
            return "*" if support in statuses else ""
        return ", ".join(each.versions for each in support if each.status in statuses)

    def status(self, plane: str, version: Version) -> str:
        """The status in a data plane (one of PLANES) on a version."""
        support: Support = getattr(self, plane)
        if isinstance(support, str):
            return support
        return next(each.status for each in support if in_ranges(version, each.versions))


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Features that belong together."""

    area: str
    features: tuple[Feature, ...]


def folder() -> Path:
    """Where the rules lie: beside the package in a checkout, inside it in an installation."""
    package = Path(__file__).parent
    checkout = package.parent / "rules"
    return checkout if (checkout / "schemas").is_dir() else package / "_rules"


def areas() -> tuple[Area, ...]:
    """The whole table."""
    return tuple(_area(each) for each in _documents())


@cache
def _documents() -> tuple[Document, ...]:
    paths = sorted((folder() / "support").iterdir(), reverse=True)
    return tuple(Document(str(path), 0, 1, path.read_text(encoding="utf-8")) for path in paths)


@cache
def _area(document: Document) -> Area:
    return msgspec.convert(values(document).value, Area)


@cache
def feature(name: str) -> Feature:
    """The feature of that id; KeyError if there is none."""
    named = (_area(each) for each in _documents() if name in each.text)  # reading all of them would take a scan's time
    found = next((each for area in named for each in area.features if each.id == name), None)
    if found is None:
        raise KeyError(name)
    return found


@cache
def status(name: str, plane: str, version: Version) -> str:
    """The status of a feature in a data plane (one of PLANES) on a version."""
    return feature(name).status(plane, version)
