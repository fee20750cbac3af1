"""Charts that lie in the same tree as the chart that depends on them (`repository: file://…`), as helm would vendor them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ambimigrate.sources.chart_files import CHART, REQUIREMENTS, Files, parsed
from ambimigrate.topology.releases import mapping

_FILE = "file://"
_MOST = 8  # levels; charts that depend on each other in a circle have no end


def local(files: Files, folder: str, level: int = 0) -> Iterator[tuple[str, str]]:
    """Where each dependency would stand below the chart (`charts/NAME`), and the folder of the tree that holds it."""
    for name, found in _direct(files, folder):
        place = posixpath.join("charts", name)
        if posixpath.join(found, CHART) in files.names and not _is_vendored(files, folder, name) and level < _MOST:
            yield place, found
            yield from ((posixpath.join(place, below), each) for below, each in local(files, found, level + 1))


def _direct(files: Files, folder: str) -> Iterator[tuple[str, str]]:
    for file in (CHART, REQUIREMENTS):
        document = files.document(posixpath.join(folder, file))
        listed = mapping(parsed(document)).get("dependencies") if document else None
        for each in map(mapping, listed if isinstance(listed, list) else ()):
            name, place = str(each.get("name") or ""), str(each.get("repository") or "")
            if name and "/" not in name and place.startswith(_FILE):
                yield name, posixpath.normpath(posixpath.join(folder, place.removeprefix(_FILE)))


def _is_vendored(files: Files, folder: str, name: str) -> bool:
    begin = posixpath.join(folder, "charts", name)
    return any(each.startswith((f"{begin}/", f"{begin}-")) for each in files.names)
