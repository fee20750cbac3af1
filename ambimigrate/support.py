"""What each data plane supports, by version of Istio: the one table of parity."""

from __future__ import annotations

from functools import cache

import msgspec

from ambimigrate.catalogue import folder
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


@cache
def areas() -> tuple[Area, ...]:
    """The whole table."""
    paths = sorted((folder() / "support").glob("*.yaml"), reverse=True)
    return tuple(
        msgspec.convert(values(Document(str(path), 0, 1, path.read_text(encoding="utf-8"))).value, Area) for path in paths
    )


def feature(name: str) -> Feature:
    """The feature of that id; KeyError if there is none."""
    return {each.id: each for area in areas() for each in area.features}[name]
