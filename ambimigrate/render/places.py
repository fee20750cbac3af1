"""Where findings stand for tools that know the repository: paths from the root of git, and lines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ambimigrate.model import Position

_TEMPLATES = "/templates/"
CLUSTER = "cluster/"  # what live objects have in place of a file


@cache
def _root(folder: str) -> str | None:
    """The root of the git repository that holds the folder, as it really lies."""
    here = Path(folder).resolve()
    return next((str(each) for each in (here, *here.parents) if (each / ".git").exists()), None)


def path(file: str) -> str:
    """The path of a file as its repository knows it, with `/`; as it was given where there is none."""
    if not file or file.startswith((CLUSTER, "<")):
        return file
    folder = str(Path(file).parent)
    root = _root(folder)
    if root is None:
        return file.replace(os.sep, "/")
    full = Path(folder).resolve() / Path(file).name
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else file


def is_file(position: Position) -> bool:
    """Whether the position is one in a file, which a tool can show."""
    return bool(position.file) and not position.file.startswith((CLUSTER, "<"))


def charts(files: Iterable[str]) -> tuple[str, ...]:
    """The folders of the charts that templates belong to; a folder `templates` below that of a chart is no chart of its own."""
    found = dict.fromkeys(file.rpartition(_TEMPLATES)[0] for file in files if _TEMPLATES in file)
    return tuple(each for each in found if not any(each.startswith(f"{other}{_TEMPLATES}") for other in found))
