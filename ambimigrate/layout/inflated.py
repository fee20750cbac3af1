"""Charts that a kustomization has rendered by helm (`helmCharts`): where kustomize looks for them, and which are not there."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ambimigrate.layout.kustomize import Kustomization

_ELSEWHERE = ("helmChartInflationGenerator", "generators")  # may name more charts, in ways that are not followed


def charts(each: Kustomization) -> Iterator[tuple[str, str]]:
    """Name and folder of each chart, by kustomize's own rule (5.7, HelmChartInflationGenerator.absChartHome)."""
    globally = each.spec.get("helmGlobals")
    home = globally.get("chartHome") if isinstance(globally, dict) else None
    listed = each.spec.get("helmCharts")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            name, version = entry["name"], entry.get("version")
            pulled = f"{name}-{version}" if version and entry.get("repo") else ""
            yield name, posixpath.normpath(posixpath.join(each.folder, str(home or "charts"), pulled, name))


def missing(each: Kustomization, files: Container[str]) -> Iterator[str]:
    """What keeps helm from rendering the charts without downloads: a sentence for each."""
    for name, folder in charts(each):
        if posixpath.join(folder, "Chart.yaml") not in files:
            yield f"chart {name} of `helmCharts` is not in the tree at {folder} and is not downloaded: it was not read"


def can_inflate(each: Kustomization, files: Container[str]) -> bool:
    """Whether helm finds all that the kustomization names inside the tree."""
    globally: Any = each.spec.get("helmGlobals") or {}
    return (
        not any(each.spec.get(key) for key in _ELSEWHERE)
        and not (isinstance(globally, dict) and globally.get("configHome"))
        and not any(missing(each, files))
    )
