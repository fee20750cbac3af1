"""`support`: the table of what each data plane supports, for one version or several."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from textwrap import wrap
from typing import Annotated, Any

import typer

from ambimigrate.cli import options
from ambimigrate.support import PLANES, Area, Feature, areas
from ambimigrate.versions import NEWEST, NEWEST_PATCHES, Version, parse

_WIDTHS = (44, 13, 14, 14, 14)


def support(
    feature: Annotated[str, typer.Argument(help="Only features that name this in their id or title.")] = "",
    istio_version: Annotated[str, typer.Option("--istio-version", help="X.Y or X.Y.Z, or a range X.Y-X.Y.")] = "",
    format: options.Format = "text",
) -> None:
    """Show what each data plane supports.

    Sidecars, ztunnel, waypoints and gateways, by version of Istio; with a feature also the source of each fact.
    """
    options.one_of("--format", format, "text", "json")
    versions = _versions(istio_version)
    chosen = [Area(area.area, tuple(each for each in area.features if _is_meant(each, feature))) for area in areas()]
    chosen = [area for area in chosen if area.features]
    if not chosen:
        raise typer.BadParameter(f"no feature is called {feature!r}; `ambimigrate support` lists all")
    if format == "json":
        from ambimigrate.render.encoding import dumped

        sys.stdout.write(dumped(_record(chosen, versions)))
        return
    for version in versions:
        sys.stdout.write("".join(f"{line}\n" for line in _table(chosen, version, details=bool(feature))))


def _versions(text: str) -> tuple[Version, ...]:
    low, dash, high = text.partition("-")
    try:
        if not dash:
            return (parse(text) if text else NEWEST,)
        first, last = parse(low), parse(high)
    except ValueError as error:
        raise typer.BadParameter(f"--istio-version: {error}") from None
    found = tuple(parse(f"{major}.{minor}") for major, minor in NEWEST_PATCHES if first.line <= (major, minor) <= last.line)
    if not found:
        raise typer.BadParameter(f"--istio-version: no release known from {low} to {high}")
    return found


def _is_meant(feature: Feature, word: str) -> bool:
    return word.lower() in f"{feature.id} {feature.title}".lower()


def _table(chosen: list[Area], version: Version, *, details: bool) -> Iterator[str]:
    yield _row((f"Istio {version}", *PLANES))
    for area in chosen:
        yield area.area
        for feature in area.features:
            title = wrap(feature.title, _WIDTHS[0] - 4)
            yield _row((f"  {title[0]}", *(feature.status(plane, version) for plane in PLANES)))
            yield from (f"  {line}" for line in title[1:])
            if details:
                yield from _details(feature)
    yield ""


def _details(feature: Feature) -> Iterator[str]:
    for text in (feature.note, feature.issue and f"waits for {feature.issue}", f"source: {feature.source}"):
        if text:
            yield from wrap(text, 80, initial_indent="      ", subsequent_indent="      ")


def _row(cells: tuple[str, ...]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _record(chosen: list[Area], versions: tuple[Version, ...]) -> dict[str, Any]:
    return {
        "schema": "ambimigrate.support/v1",
        "features": [
            {
                "id": feature.id,
                "area": area.area,
                "title": feature.title,
                "support": {str(version): {plane: feature.status(plane, version) for plane in PLANES} for version in versions},
                "note": feature.note,
                "issue": feature.issue,
                "source": feature.source,
            }
            for area in chosen
            for feature in area.features
        ],
    }
